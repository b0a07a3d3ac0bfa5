import { COMMA, CR, LF, SPACE, is, lineAt, notUtf8 } from './bytes'
import { fail } from './fault'

/** Longest line in bytes, without its LF. */
const LONGEST = 8192

/** The last byte of a file is LF (SPEC.md §2). */
export function checkEnd(name: string, bytes: Uint8Array): void {
  if (bytes.length === 0 || bytes[bytes.length - 1] !== LF) {
    fail(name, lineAt(bytes, bytes.length), 'no-final-newline')
  }
}

/** What may stand in no line. `cr` is the place of the next CR of the file. */
function checkLine(name: string, line: number, bytes: Uint8Array, from: number, to: number, cr: number): void {
  if (cr >= from && cr < to) fail(name, line, 'carriage-return')
  if (to > from && bytes[to - 1] === SPACE) fail(name, line, 'trailing-space')
  if (to - from > LONGEST) fail(name, line, 'too-large', 'the line is too long')
}

/** SPEC.md §10 step 4, for every file but `objects.csv`: the end, UTF-8, then all lines. */
export function checkText(name: string, bytes: Uint8Array): void {
  checkEnd(name, bytes)
  const bad = notUtf8(bytes)
  if (bad !== -1) fail(name, lineAt(bytes, bad), 'not-text')
  const cr = place(bytes, CR)
  for (let from = 0, line = 1; from < bytes.length; line++) {
    const to = bytes.indexOf(LF, from)
    checkLine(name, line, bytes, from, to, cr)
    from = to + 1
  }
}

function place(bytes: Uint8Array, byte: number): number {
  const at = bytes.indexOf(byte)
  return at === -1 ? bytes.length : at
}

/** Walks through the lines of a file, and through the fields of a line, without making strings. */
export class Rows {
  /** Number of the line, from 1. */
  line = 0
  /** Where the line starts and ends, without its LF. */
  from = 0
  to = -1
  private readonly ends: Int32Array
  private readonly cr: number

  constructor(
    readonly name: string,
    readonly bytes: Uint8Array,
    header: string,
    /** Whether the text of each line is to be checked on the way, as for `objects.csv`. */
    private readonly strict = false,
  ) {
    this.ends = new Int32Array(header.split(',').length)
    this.cr = strict ? place(bytes, CR) : bytes.length
    this.next()
    if (!is(bytes, this.from, this.to, header)) this.fail('header')
  }

  /** The next line, if there is one. */
  next(): boolean {
    this.from = this.to + 1
    if (this.from >= this.bytes.length) return false
    this.to = this.bytes.indexOf(LF, this.from)
    this.line++
    if (this.strict) checkLine(this.name, this.line, this.bytes, this.from, this.to, this.cr)
    return true
  }

  /** Finds the commas; as many fields as the header has. */
  split(): void {
    const { bytes, ends, to } = this
    let n = 0
    for (let i = this.from; i < to; i++) {
      if (bytes[i] === COMMA) {
        if (n === ends.length - 1) this.fail('form', 'too many fields')
        ends[n++] = i
      }
    }
    if (n !== ends.length - 1) this.fail('form', 'too few fields')
    ends[n] = to
  }

  start(field: number): number {
    return field === 0 ? this.from : this.ends[field - 1]! + 1
  }

  end(field: number): number {
    return this.ends[field]!
  }

  fail(code: Parameters<typeof fail>[2], detail = ''): never {
    fail(this.name, this.line, code, detail)
  }
}
