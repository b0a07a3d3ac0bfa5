// A server on a free port with an empty data folder of its own.
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { start } from './program.mjs'

const ROOT = new URL('../../', import.meta.url).pathname
const PROGRAM = process.env.SERVER ?? join(ROOT, 'target/debug/server')

/** Starts the server; resolves when it listens, with its address and the first administrator. */
export async function startOffice() {
  const data = await mkdtemp(join(tmpdir(), 'double-random-office-'))
  const server = start(PROGRAM, ['run', '--data', data, '--listen', '127.0.0.1:0'])
  const [, url] = await server.hear(/Listening on (\S+)\n/)
  const [, login] = await server.hear(/Sign in as (\S+)/)
  const [, password] = await server.hear(/one-time password\s+(\S+)/)
  return {
    url,
    login,
    password,
    async stop() {
      await server.stop('SIGTERM')
      await rm(data, { recursive: true, force: true })
    },
  }
}
