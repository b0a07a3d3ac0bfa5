import { COMMA, LF, SPACE, bytesOf } from './bytes'
import type { Teams } from './deal'
import { fail } from './fault'
import { type Inspectors, inspectorId } from './inspectors'
import { type Objects, objectId } from './objects'
import type { Rules } from './rules'
import type { Selection } from './select'

/** Compares a file with what it must be, part by part; the first line that differs is the fault. */
export class Comparison {
  private at = 0
  private line = 1

  constructor(private readonly name: string, private readonly bytes: Uint8Array) {}

  expect(part: Uint8Array, length = part.length): void {
    for (let i = 0; i < length; i++) {
      const byte = part[i]!
      if (this.bytes[this.at] !== byte) fail(this.name, this.line, 'differs', this.where(part, length))
      this.at++
      if (byte === LF) this.line++
    }
  }

  end(): void {
    if (this.at !== this.bytes.length) fail(this.name, this.line, 'differs', 'the file should end here')
  }

  private where(part: Uint8Array, length: number): string {
    const line = new TextDecoder().decode(part.subarray(0, length)).trimEnd()
    return `the line should be ${line.length > 400 ? `${line.slice(0, 400)}…` : line}`
  }
}

/** Computes `result.csv` (SPEC.md §6) line by line and compares it. */
export function checkResult(
  bytes: Uint8Array, rules: Rules, objects: Objects, pool: Inspectors, selection: Selection, teams: Teams,
  progress?: (share: number) => void,
): void {
  const file = new Comparison('result.csv', bytes)
  file.expect(bytesOf('rank,cell,object,ticket,role,week,inspectors,experts\n'))
  const line = new Uint8Array(65 * 1200 + 300)
  let n = 0
  const put = (text: string): void => { for (let i = 0; i < text.length; i++) line[n++] = text.charCodeAt(i) }
  const head = (rank: number, object: number, role: string): void => {
    n = 0
    put(`${rank},${String(objects.cells[object]! + 1).padStart(4, '0')},`)
    const id = objectId(objects, object)
    line.set(id, n)
    n += 64
    line[n++] = COMMA
    selection.tickets.write(id, line, n)
    n += 64
    put(`,${role},`)
  }
  const people = (of: Int32Array): void => {
    for (let i = 0; i < of.length; i++) {
      if (i > 0) line[n++] = SPACE
      line.set(inspectorId(pool, of[i]!), n)
      n += 64
    }
  }
  const finish = (): void => {
    line[n++] = LF
    file.expect(line, n)
  }
  const { drawn } = selection
  for (let rank = 0; rank < drawn.length; rank++) {
    head(rank, drawn[rank]!, 'drawn')
    const week = weekOf(rules, rank, drawn.length)
    if (week !== undefined) put(String(week))
    line[n++] = COMMA
    people(teams.inspectors(rank))
    line[n++] = COMMA
    people(teams.experts(rank))
    finish()
    if ((rank & 0xfff) === 0) progress?.(rank / drawn.length)
  }
  for (const reserves of selection.reserves) {
    for (let rank = 0; rank < reserves.length; rank++) {
      head(rank, reserves[rank]!, 'reserve')
      put(',,')
      finish()
    }
  }
  file.end()
}

/** In a census, the week in which the object of a rank is inspected. */
export function weekOf(rules: Rules, rank: number, drawn: number): number | undefined {
  return rules.mode.kind === 'census' ? Math.floor((rank * rules.mode.weeks) / drawn) : undefined
}
