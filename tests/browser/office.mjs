// A server on a free port with an empty data folder of its own.
import { spawn } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const ROOT = new URL('../../', import.meta.url).pathname
const PROGRAM = process.env.SERVER ?? join(ROOT, 'target/debug/server')

/** Starts the server; resolves when it listens, with its address and the first administrator. */
export async function startOffice() {
  const data = await mkdtemp(join(tmpdir(), 'double-random-office-'))
  const child = spawn(PROGRAM, ['run', '--data', data, '--listen', '127.0.0.1:0'], { stdio: ['ignore', 'pipe', 'inherit'] })
  let said = ''
  const url = await new Promise((resolve, reject) => {
    child.once('error', reject)
    child.once('exit', (code) => reject(new Error(`the server ended with ${code}: ${said}`)))
    child.stdout.on('data', (text) => {
      said += text
      const found = /Listening on (\S+)/.exec(said)
      if (found) resolve(found[1])
    })
  })
  const [, login] = /Sign in as (\S+)/.exec(said)
  const [, password] = /one-time password\s+(\S+)/.exec(said)
  child.removeAllListeners('exit')
  return {
    url,
    login,
    password,
    async stop() {
      const gone = new Promise((done) => child.once('exit', done))
      child.kill('SIGTERM')
      await gone
      await rm(data, { recursive: true, force: true })
    },
  }
}
