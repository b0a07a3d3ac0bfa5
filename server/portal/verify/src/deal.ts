import type { Eligible } from './eligible'
import { bytesOf } from './bytes'
import { type Inspectors, inspectorId } from './inspectors'
import type { Rules } from './rules'
import type { Selection } from './select'
import { Deck, Heap } from './deck'
import { Tickets } from './sha'

/** Who comes to the drawn objects (SPEC.md §6): inspectors and behind them experts, for each rank. */
export class Teams {
  private people = new Int32Array(1024)
  /** For rank r: inspectors from 2r, experts from 2r + 1. */
  private readonly at: Int32Array

  constructor(private readonly ranks: number) {
    this.at = new Int32Array(2 * ranks + 1)
  }

  inspectors(rank: number): Int32Array {
    return this.people.subarray(this.at[2 * rank]!, this.at[2 * rank + 1]!)
  }

  experts(rank: number): Int32Array {
    return this.people.subarray(this.at[2 * rank + 1]!, this.at[2 * rank + 2]!)
  }

  put(rank: number, inspectors: number[], experts: number[]): void {
    const from = this.at[2 * rank]!
    const to = from + inspectors.length + experts.length
    if (to > this.people.length) {
      const more = new Int32Array(2 * to)
      more.set(this.people)
      this.people = more
    }
    this.people.set(inspectors, from)
    this.people.set(experts, from + inspectors.length)
    this.at[2 * rank + 1] = from + inspectors.length
    this.at[2 * rank + 2] = to
    if (rank === this.ranks - 1) this.people = this.people.slice(0, to)
  }
}

export function deal(
  rules: Rules, eligible: Eligible, selection: Selection, seed: string, progress?: (share: number) => void,
): Teams {
  const { drawn } = selection
  const teams = new Teams(drawn.length)
  if (rules.mode.kind === 'objects') return teams
  const decks = new Map<number, Tickets>()
  const tickets = (deck: number): Tickets => {
    let found = decks.get(deck)
    if (!found) decks.set(deck, (found = new Tickets(seed, `deck/${deck}`)))
    return found
  }
  const dealers = rules.departments.map((department, d) => ({
    inspectors: department.deal === 'group' ? new ByGroup(eligible, d, tickets) : new ByPerson(eligible, d, tickets),
    experts: department.experts > 0 ? new OfExperts(eligible, d, tickets) : undefined,
  }))
  const blocked = new Int32Array(eligible.pool.count).fill(-1)
  for (let rank = 0; rank < drawn.length; rank++) {
    const object = drawn[rank]!
    for (const i of eligible.avoid.of(object)) blocked[i] = rank
    const inspectors: number[] = []
    const experts: number[] = []
    const free = (i: number): boolean => blocked[i] !== rank
    const take = (i: number, into: number[]): void => {
      blocked[i] = rank
      into.push(i)
    }
    for (const dealer of dealers) dealer.inspectors.deal(object, free, (i) => take(i, inspectors))
    for (const dealer of dealers) dealer.experts?.deal(object, free, (i) => take(i, experts))
    teams.put(rank, inspectors, experts)
    if ((rank & 0x3ff) === 0) progress?.(rank / drawn.length)
  }
  return teams
}

type Free = (inspector: number) => boolean
type Take = (inspector: number) => void

/** Cards of people of one department and role; heaps are made when a district, or a need in it, is first met. */
class People {
  readonly deck: Deck
  private readonly heaps = new Map<number, Heap>()

  constructor(
    protected readonly eligible: Eligible,
    protected readonly department: number,
    private readonly expert: number,
    tickets: (deck: number) => Tickets,
  ) {
    const pool = eligible.pool
    this.deck = new Deck(pool.count, tickets, (i) => inspectorId(pool, i), (i) => pool.capacities[i]!)
  }

  /** Who acts in a district and meets a need (−1: any). */
  protected heap(district: number, need: number): Heap {
    const key = (need + 1) * 0x4000000 + district
    let heap = this.heaps.get(key)
    if (!heap) {
      const { pool } = this.eligible
      const all = this.eligible.in(this.department, this.expert, district)
      const who = need === -1 ? all : all.filter((i) => meetsBit(pool, i, need))
      this.heaps.set(key, (heap = new Heap(this.deck, who)))
    }
    return heap
  }
}

function meetsBit(pool: Inspectors, i: number, need: number): boolean {
  return (((need < 32 ? pool.expertiseLow[i]! : pool.expertiseHigh[i]!) >>> (need & 31)) & 1) === 1
}

class ByPerson extends People {
  constructor(eligible: Eligible, department: number, tickets: (deck: number) => Tickets) {
    super(eligible, department, 0, tickets)
  }

  deal(object: number, free: Free, take: Take): void {
    const { pool, rules } = this.eligible
    const district = this.eligible.districtOf(object)
    let members = 0
    let [low, high] = [0, 0]
    const seat = (need: number): void => {
      const i = this.deck.take([this.heap(district, need)], free)
      if (i === -1) return
      take(i)
      members++
      low |= pool.expertiseLow[i]!
      high |= pool.expertiseHigh[i]!
    }
    for (const need of this.eligible.needsOf(object, this.department).needs) {
      const met = ((need < 32 ? low : high) >>> (need & 31)) & 1
      if (met === 0) seat(need)
    }
    const { team } = rules.departments[this.department]!
    while (members < team) {
      const before = members
      seat(-1)
      if (members === before) return
    }
  }
}

class OfExperts extends People {
  constructor(eligible: Eligible, department: number, tickets: (deck: number) => Tickets) {
    super(eligible, department, 1, tickets)
  }

  deal(object: number, free: Free, take: Take): void {
    const district = this.eligible.districtOf(object)
    const needs = this.eligible.allNeeds(object)
    const heaps = needs.length === 0
      ? [this.heap(district, -1)]
      : needs.map((need) => this.heap(district, need))
    for (let seat = this.eligible.rules.departments[this.department]!.experts; seat > 0; seat--) {
      const i = this.deck.take(heaps, free)
      if (i === -1) return
      take(i)
    }
  }
}

/** One seat an object, for which a whole group is dealt. */
class ByGroup {
  private readonly deck: Deck
  private readonly inOrder = new Map<number, number[]>()

  constructor(
    private readonly eligible: Eligible,
    private readonly department: number,
    private readonly tickets: (deck: number) => Tickets,
  ) {
    const { pool, groups, rules } = eligible
    const { code } = rules.departments[department]!
    const capacity = (g: number): number => Math.min(...groups.get(g)!.members.map((i) => pool.capacities[i]!))
    const id = (g: number): Uint8Array => bytesOf(`${code}/${new TextDecoder().decode(pool.groupNames[g]!)}`)
    this.deck = new Deck(pool.groupNames.length, tickets, id, capacity)
  }

  deal(object: number, free: Free, take: Take): void {
    const { groups } = this.eligible
    const can = this.eligible.groupsFor(object, this.department).filter((g) => groups.get(g)!.members.every(free))
    const g = this.deck.least(can)
    if (g !== -1) for (const i of this.members(g)) take(i)
  }

  /** Members of a group by their tickets of the first deck. */
  private members(g: number): number[] {
    let found = this.inOrder.get(g)
    if (!found) {
      const first = this.tickets(1)
      found = this.eligible.groups.get(g)!.members
        .map((i) => ({ i, ticket: first.of(inspectorId(this.eligible.pool, i)).slice() }))
        .sort((a, b) => { for (let k = 0; k < 32; k++) if (a.ticket[k] !== b.ticket[k]) return a.ticket[k]! - b.ticket[k]!; return 0 })
        .map(({ i }) => i)
      this.inOrder.set(g, found)
    }
    return found
  }
}
