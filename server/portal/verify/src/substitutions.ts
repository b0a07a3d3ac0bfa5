import { bytesOf, is, isGround, textOf } from './bytes'
import type { Teams } from './deal'
import type { Eligible } from './eligible'
import { inspectorId, meets } from './inspectors'
import { Rows, checkText } from './lines'
import { objectId } from './objects'
import { Comparison } from './result'
import type { Selection } from './select'
import { Tickets, sha256Hex, sha256Lines } from './sha'

const NAME = 'substitutions.csv'
const HEADER = 'number,kind,object,out,in,ground,chain'
/** What can be asked for; `add` only follows. */
const ASKED = ['relief', 'replace', 'drop', 'pass', 'avoid'] as const
type Asked = (typeof ASKED)[number]

/** An object that is inspected: who comes, as things stand. */
export interface Standing {
  inspectors: number[]
  experts: number[]
  /** Who is or was in its team or among its experts, or went along to it. */
  tried: Set<number>
}

interface Row { kind: Asked; object: number; out: number; ground: string }

/** What happened after the draw (SPEC.md §8), followed row by row. */
export class Substitutions {
  private readonly standing = new Map<number, Standing>()
  /** Objects that were replaced, dropped or passed over, and what came in their place (−1: nothing). */
  readonly gone = new Map<number, number>()
  /** Reserves that came in, and for which object. */
  readonly came = new Map<number, number>()
  private readonly late = new Set<string>()
  private readonly next: number[]
  private chain: string
  private number = 0
  private expected: string[] = []

  constructor(
    private readonly eligible: Eligible,
    private readonly selection: Selection,
    private readonly teams: Teams,
    private readonly seed: string,
    result: Uint8Array,
  ) {
    this.next = selection.reserves.map(() => 0)
    this.chain = sha256Hex(result)
  }

  get count(): number {
    return this.number
  }

  /** Who comes to an object now; undefined where it is not inspected. */
  of(object: number): Standing | undefined {
    if (this.gone.has(object)) return undefined
    let found = this.standing.get(object)
    const rank = this.selection.ranks[object]!
    if (!found && rank !== -1) {
      const [inspectors, experts] = [Array.from(this.teams.inspectors(rank)), Array.from(this.teams.experts(rank))]
      found = { inspectors, experts, tried: new Set([...inspectors, ...experts]) }
      this.standing.set(object, found)
    }
    return found
  }

  /** Whether somebody comes to an object, as things stand. */
  comes(person: number, object: number): boolean {
    const standing = this.standing.get(object)
    if (this.gone.has(object)) return false
    if (standing) return standing.inspectors.includes(person) || standing.experts.includes(person)
    const rank = this.selection.ranks[object]!
    return rank !== -1 && (this.teams.inspectors(rank).includes(person) || this.teams.experts(rank).includes(person))
  }

  /** Follows each step of the file and compares its rows. */
  check(bytes: Uint8Array): void {
    checkText(NAME, bytes)
    const rows: Rows = new Rows(NAME, bytes, HEADER)
    const file = new Comparison(NAME, bytes)
    file.expect(bytesOf(`${HEADER}\n`))
    while (rows.next()) {
      // The rows that follow from a step are compared with it, so the file is now at a row that was asked for.
      const row = this.read(rows)
      this.expected = []
      this.step(rows, row)
      for (const line of this.expected) file.expect(bytesOf(line))
      for (let i = 1; i < this.expected.length; i++) rows.next()
    }
    file.end()
  }

  /** A row that was asked for. What is wrong with it but its kind shows when it is compared. */
  private read(rows: Rows): Row {
    const { bytes } = rows
    rows.split()
    const kind = ASKED.find((k) => is(bytes, rows.start(1), rows.end(1), k))
    if (!kind) rows.fail('form', 'kind')
    if (!isGround(bytes, rows.start(5), rows.end(5)) || is(bytes, rows.start(5), rows.end(5), 'follow')) {
      rows.fail('differs', 'ground')
    }
    return {
      kind,
      object: this.eligible.objects.byId.find(bytes, rows.start(2), rows.end(2)),
      out: this.eligible.pool.byId.find(bytes, rows.start(3), rows.end(3)),
      ground: textOf(bytes, rows.start(5), rows.end(5)),
    }
  }

  private step(rows: Rows, row: Row): void {
    const { object, out, ground } = row
    if (object === -1) rows.fail('differs', 'no such object')
    if (this.eligible.rules.mode.kind === 'objects' && (row.kind === 'relief' || row.kind === 'avoid')) {
      rows.fail('differs', 'nobody was dealt in this mode')
    }
    switch (row.kind) {
      case 'relief': {
        const standing = this.of(object) ?? rows.fail('differs', 'the object is not inspected')
        if (!standing.inspectors.includes(out) && !standing.experts.includes(out)) rows.fail('differs', 'not in the team')
        return this.relief(object, standing, out, ground)
      }
      case 'replace':
      case 'drop': {
        const standing = this.of(object) ?? rows.fail('differs', 'the object is not inspected')
        return this.replace(object, standing, ground)
      }
      case 'pass': {
        const cell = this.eligible.objects.cells[object]!
        if (this.selection.reserves[cell]![this.next[cell]!] !== object) rows.fail('differs', 'not the next reserve')
        this.next[cell]!++
        this.gone.set(object, -1)
        return this.emit('pass', object, -1, '', ground)
      }
      case 'avoid': {
        const standing = this.of(object) ?? rows.fail('differs', 'the object is not inspected')
        if (out === -1) rows.fail('differs', 'nobody of the pool')
        this.late.add(`${out} ${object}`)
        this.emit('avoid', object, out, '', ground)
        if (standing.inspectors.includes(out) || standing.experts.includes(out)) {
          this.relief(object, standing, out, 'follow')
        }
        return
      }
    }
  }

  private relief(object: number, standing: Standing, out: number, ground: string): void {
    this.relieve(object, standing, out, ground)
    if (this.eligible.pool.experts[out] === 0) this.add(object, standing)
  }

  /** The row of a relief; who leaves is in the team or among the experts. */
  private relieve(object: number, standing: Standing, out: number, ground: string): void {
    const { pool } = this.eligible
    const expert = pool.experts[out] === 1
    const seats = expert ? standing.experts : standing.inspectors
    const seat = seats.indexOf(out)
    const department = pool.departments[out]!
    let next = -1
    if (!expert) {
      const unmet = this.unmet(object, department, seats.filter((i) => i !== out))
      next = this.following(object, standing, department, false, unmet)
    }
    if (next === -1) next = this.following(object, standing, department, expert, [])
    if (next === -1) seats.splice(seat, 1)
    else {
      seats[seat] = next
      standing.tried.add(next)
    }
    this.emit('relief', object, out, next === -1 ? '' : this.person(next), ground)
  }

  private add(object: number, standing: Standing): void {
    const { rules } = this.eligible
    for (const need of this.eligible.allNeeds(object)) {
      const department = rules.departments.findIndex((d) => d.code === rules.needs[need]!.department)
      if (!this.unmet(object, department, standing.inspectors).includes(need)) continue
      const next = this.following(object, standing, department, false, [need])
      if (next === -1) continue
      standing.inspectors.push(next)
      standing.tried.add(next)
      this.emit('add', object, -1, this.person(next), 'follow')
    }
  }

  private replace(object: number, standing: Standing, ground: string): void {
    const { objects } = this.eligible
    const cell = objects.cells[object]!
    const reserve = this.selection.reserves[cell]![this.next[cell]!]
    if (reserve === undefined) {
      this.gone.set(object, -1)
      this.emit('drop', object, -1, '', ground)
      return
    }
    this.next[cell]!++
    this.gone.set(object, reserve)
    this.came.set(reserve, object)
    const now: Standing = {
      inspectors: [...standing.inspectors],
      experts: [...standing.experts],
      tried: new Set([...standing.inspectors, ...standing.experts]),
    }
    this.standing.set(reserve, now)
    this.emit('replace', object, -1, textOf(objectId(objects, reserve)), ground)
    for (const i of [...now.inspectors, ...now.experts]) {
      if (!this.isEligible(i, reserve)) this.relieve(reserve, now, i, 'follow')
    }
    if (this.eligible.rules.mode.kind !== 'objects') this.add(reserve, now)
  }

  private isEligible(i: number, object: number): boolean {
    const { avoid, pool } = this.eligible
    if (!this.eligible.acts(i, object) || avoid.has(i, object) || this.late.has(`${i} ${object}`)) return false
    const needs = this.eligible.allNeeds(object)
    return pool.experts[i] === 0 || needs.length === 0 || needs.some((need) => meets(pool, i, need))
  }

  /** The needs of a department that none of these meets. */
  private unmet(object: number, department: number, members: number[]): number[] {
    const { pool } = this.eligible
    return this.eligible.needsOf(object, department).needs.filter(
      (need) => !members.some((i) => pool.departments[i] === department && meets(pool, i, need)))
  }

  /** The next of a department and role for an object who meets these needs, or −1. */
  private following(object: number, standing: Standing, department: number, expert: boolean, needs: number[]): number {
    const { pool } = this.eligible
    const relief = new Tickets(this.seed, `relief/${textOf(objectId(this.eligible.objects, object))}`)
    let best = -1
    let smallest = ''
    for (const i of this.eligible.in(department, expert ? 1 : 0, this.eligible.districtOf(object))) {
      if (standing.tried.has(i) || !this.isEligible(i, object) || !needs.every((need) => meets(pool, i, need))) continue
      const ticket = Array.from(relief.of(inspectorId(pool, i)), (b) => String.fromCharCode(b)).join('')
      if (best === -1 || ticket < smallest) [best, smallest] = [i, ticket]
    }
    return best
  }

  private person(i: number): string {
    return textOf(inspectorId(this.eligible.pool, i))
  }

  private emit(kind: Asked | 'add', object: number, out: number, into: string, ground: string): void {
    this.number++
    const who = out === -1 ? '' : this.person(out)
    const row = `${this.number},${kind},${textOf(objectId(this.eligible.objects, object))},${who},${into},${ground}`
    this.chain = sha256Lines(this.chain, row)
    this.expected.push(`${row},${this.chain}\n`)
  }
}
