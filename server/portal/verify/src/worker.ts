import { unpack } from './archive'
import { Fault } from './fault'
import type { Files } from './files'
import type { Found, Search } from './search'
import { type Step, type Summary, verify } from './verify'

/** What the page asks of the worker. */
export type Ask =
  | { kind: 'zip'; bytes: Uint8Array }
  | { kind: 'files'; files: [string, Uint8Array][] }
  | { kind: 'find'; of: 'object' | 'inspector'; id: string; salt: string }

/** What the worker tells. */
export type Tell =
  | { kind: 'begin'; step: Step | 'unpack' }
  | { kind: 'progress'; share: number }
  | { kind: 'done'; step: Step | 'unpack'; count?: number; skipped?: boolean }
  | { kind: 'verified'; summary: Summary; seconds: number }
  | { kind: 'refused'; file: string; line: number; code: Fault['code']; detail: string; shown: string; seconds: number }
  | { kind: 'found'; found?: Found }
  | { kind: 'broken'; why: string }

const tell = (message: Tell): void => postMessage(message)
let search: Search | undefined

onmessage = ({ data }: MessageEvent<Ask>): void => {
  try {
    if (data.kind === 'find') tell({ kind: 'found', found: search?.find(data.of, data.id, data.salt) })
    else run(data)
  } catch (error) {
    tell({ kind: 'broken', why: String(error) })
  }
}

function run(ask: Exclude<Ask, { kind: 'find' }>): void {
  const from = performance.now()
  const seconds = (): number => (performance.now() - from) / 1000
  let files: Files
  let last = 0
  const progress = (share: number): void => {
    // Painting costs more than computing when every step is told.
    if (performance.now() - last < 50) return
    last = performance.now()
    tell({ kind: 'progress', share })
  }
  try {
    if (ask.kind === 'zip') {
      tell({ kind: 'begin', step: 'unpack' })
      files = unpack(ask.bytes, progress)
      tell({ kind: 'done', step: 'unpack', count: files.size })
    } else {
      files = new Map(ask.files)
    }
  } catch (error) {
    if (error instanceof Fault) return refuse(error, new Map(), seconds())
    throw error
  }
  const verdict = verify(files, {
    begin: (step) => tell({ kind: 'begin', step }),
    progress,
    done: (step, count, skipped) => tell({ kind: 'done', step, count, skipped }),
  })
  if ('fault' in verdict) return refuse(verdict.fault, files, seconds())
  search = verdict.search
  tell({ kind: 'verified', summary: verdict.summary, seconds: seconds() })
}

function refuse({ file, line, code, detail }: Fault, files: Files, seconds: number): void {
  tell({ kind: 'refused', file, line, code, detail, shown: lineOf(files.get(file), line), seconds })
}

/** A line as it stands in the file, cut to what a screen can show. */
function lineOf(bytes: Uint8Array | undefined, line: number): string {
  if (!bytes || line === 0) return ''
  let from = 0
  for (let n = 1; n < line; n++) {
    const at = bytes.indexOf(10, from)
    if (at === -1) return ''
    from = at + 1
  }
  const end = bytes.indexOf(10, from)
  const to = Math.min(end === -1 ? bytes.length : end, from + 600)
  return new TextDecoder().decode(bytes.subarray(from, to))
}
