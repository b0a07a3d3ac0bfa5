/** The reasons for which a transcript is refused (SPEC.md §10). */
export type Code =
  | 'archive'
  | 'missing'
  | 'too-large'
  | 'not-text'
  | 'no-final-newline'
  | 'carriage-return'
  | 'trailing-space'
  | 'header'
  | 'form'
  | 'unsorted'
  | 'duplicate'
  | 'unknown'
  | 'hash'
  | 'not-canonical'
  | 'rule'
  | 'unsupported'
  | 'unservable'
  | 'commitment'
  | 'reveal'
  | 'drand'
  | 'entropy'
  | 'differs'

/** The first thing that is wrong with a transcript. */
export class Fault {
  constructor(
    /** Name of the file, or `archive`. */
    readonly file: string,
    /** Line, from 1; 0 for the whole file. */
    readonly line: number,
    readonly code: Code,
    /** What stands there, in English, for experts; the page says the rest in the reader's language. */
    readonly detail: string,
  ) {}
}

export function fail(file: string, line: number, code: Code, detail = ''): never {
  throw new Fault(file, line, code, detail)
}
