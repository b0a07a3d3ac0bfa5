// A program that a test starts: what it says on its standard output is heard in whole lines, for a pipe
// hands it over in any pieces.
import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'

export function start(path, args) {
  const child = spawn(path, args, { stdio: ['pipe', 'pipe', 'inherit'] })
  const lines = []
  const waiting = new Set()
  let fault
  const tell = () => waiting.forEach((look) => look())
  createInterface({ input: child.stdout }).on('line', (line) => {
    lines.push(line)
    tell()
  })
  child.once('error', (error) => {
    fault = error
    tell()
  })
  child.once('close', (code) => {
    fault ??= new Error(`${path} ended with ${code}: ${lines.join('\n')}`)
    tell()
  })

  return {
    say: (line) => child.stdin.write(`${line}\n`),

    /** The match of `pattern` in what the program has said so far, once there is one. */
    hear: (pattern) =>
      new Promise((resolve, reject) => {
        const look = () => {
          const found = pattern.exec(lines.map((line) => `${line}\n`).join(''))
          if (!found && !fault) return
          waiting.delete(look)
          if (found) resolve(found)
          else reject(fault)
        }
        waiting.add(look)
        look()
      }),

    /** Tells it to end by `signal`, or by ending its input, and waits for that. */
    async stop(signal) {
      if (fault) return
      const gone = new Promise((done) => child.once('close', done))
      if (signal) child.kill(signal)
      else child.stdin.end()
      await gone
    },
  }
}
