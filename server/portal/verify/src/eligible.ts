import { fail } from './fault'
import { type Inspectors, meets } from './inspectors'
import type { Avoidances } from './lists'
import type { Objects } from './objects'
import type { Rules } from './rules'

const MOST_IN_GROUP = 10
/** How many numbers of groups are kept from one object to the next. */
const MOST_KEPT = 4_000_000

/** Inspectors of one department who are dealt as one. */
export interface Group {
  members: number[]
  low: number
  high: number
}

/** What an object needs of a department. */
interface Needs {
  needs: number[]
  low: number
  high: number
}

/** Who may be dealt to which object (SPEC.md §3.7). */
export class Eligible {
  /** The pool's number of an object's district, by the objects' number; −1: nobody acts there. */
  private readonly districts: Int32Array
  private readonly needs: Needs[][]
  /** Who is in the pool, by department, role and district. */
  private readonly at: Int32Array
  private readonly members: Int32Array
  /** Groups that may be dealt, by number in the pool. */
  readonly groups = new Map<number, Group>()
  /** Numbers of groups by department and district. */
  private readonly groupsIn = new Map<number, number[]>()
  private readonly found = new Map<string, number[]>()
  private kept = 0

  constructor(
    readonly rules: Rules,
    readonly objects: Objects,
    readonly pool: Inspectors,
    readonly avoid: Avoidances,
  ) {
    const names = objects.districtNames
    this.districts = new Int32Array(names.size)
    for (let d = 0; d < names.size; d++) {
      const name = names.range(d)
      this.districts[d] = pool.districtNames.find(name, 0, name.length)
    }
    const departmentOf = rules.needs.map((n) => rules.departments.findIndex((d) => d.code === n.department))
    this.needs = rules.departments.map((_, d) => objects.needLists.map((list) => {
      const needs = list.filter((need) => departmentOf[need] === d)
      return { needs, ...bits(needs) }
    }))

    const places = 2 * rules.departments.length * pool.districtNames.size
    this.at = new Int32Array(places + 2)
    this.eachPlace((place) => { this.at[place + 2]!++ })
    for (let i = 2; i < this.at.length; i++) this.at[i]! += this.at[i - 1]!
    this.members = new Int32Array(this.at[places + 1]!)
    this.eachPlace((place, inspector) => { this.members[this.at[place + 1]!++] = inspector })
    this.makeGroups()
  }

  private eachPlace(back: (place: number, inspector: number) => void): void {
    const { pool } = this
    for (let i = 0; i < pool.count; i++) {
      for (let k = pool.districtsAt[i]!; k < pool.districtsAt[i + 1]!; k++) {
        back(this.place(pool.departments[i]!, pool.experts[i]!, pool.districtsOf[k]!), i)
      }
    }
  }

  private place(department: number, expert: number, district: number): number {
    return (2 * department + expert) * this.pool.districtNames.size + district
  }

  /** Everybody of a department and a role who acts in a district of the pool. */
  in(department: number, expert: number, district: number): Int32Array {
    if (district === -1) return this.members.subarray(0, 0)
    const place = this.place(department, expert, district)
    return this.members.subarray(this.at[place]!, this.at[place + 1]!)
  }

  /** The pool's number of an object's district, or −1. */
  districtOf(object: number): number {
    return this.districts[this.objects.districts[object]!]!
  }

  /** All needs of an object, ascending. */
  allNeeds(object: number): number[] {
    return this.objects.needLists[this.objects.needs[object]!]!
  }

  /** The needs of an object that are a department's, ascending. */
  needsOf(object: number, department: number): Needs {
    return this.needs[department]![this.objects.needs[object]!]!
  }

  /** Whether one's districts hold the object's. */
  acts(inspector: number, object: number): boolean {
    const { pool } = this
    const district = this.districtOf(object)
    for (let k = pool.districtsAt[inspector]!; k < pool.districtsAt[inspector + 1]!; k++) {
      if (pool.districtsOf[k] === district) return true
    }
    return false
  }

  /** Groups of a department that act in a district as a whole, have the right size and meet what the object needs. */
  groupsFor(object: number, department: number): number[] {
    const key = `${department} ${this.objects.districts[object]} ${this.objects.needs[object]}`
    let found = this.found.get(key)
    if (!found) {
      const { low, high } = this.needsOf(object, department)
      const all = this.groupsIn.get(department * 0x4000000 + this.districtOf(object)) ?? []
      found = all.filter((g) => {
        const group = this.groups.get(g)!
        return (low & ~group.low) === 0 && (high & ~group.high) === 0
      })
      // Nobody can make this grow without bounds: a hostile frame gets its groups sought each time.
      this.kept += 1 + found.length
      if (this.kept < MOST_KEPT) this.found.set(key, found)
    }
    return found
  }

  private makeGroups(): void {
    const { pool, rules } = this
    const members = pool.groupNames.map((): number[] => [])
    for (let i = 0; i < pool.count; i++) {
      if (pool.groups[i] !== -1 && rules.departments[pool.departments[i]!]!.deal === 'group') members[pool.groups[i]!]!.push(i)
    }
    members.forEach((of, number) => {
      const department = pool.departments[of[0] ?? 0]!
      if (of.length === 0 || of.length > MOST_IN_GROUP || of.length < rules.departments[department]!.team) return
      const group = { members: of, low: 0, high: 0 }
      const times = new Map<number, number>()
      for (const i of of) {
        group.low |= pool.expertiseLow[i]!
        group.high |= pool.expertiseHigh[i]!
        for (let k = pool.districtsAt[i]!; k < pool.districtsAt[i + 1]!; k++) {
          times.set(pool.districtsOf[k]!, (times.get(pool.districtsOf[k]!) ?? 0) + 1)
        }
      }
      this.groups.set(number, group)
      for (const [district, n] of times) {
        if (n < of.length) continue
        const key = department * 0x4000000 + district
        const there = this.groupsIn.get(key)
        if (there) there.push(number)
        else this.groupsIn.set(key, [number])
      }
    })
  }

  /** Everybody can be served (SPEC.md §3.7), or `unservable` for the first object of the file that cannot. */
  check(progress?: (share: number) => void): void {
    if (this.rules.mode.kind === 'objects') return
    const { objects, rules } = this
    const counted = new Map<number, number>()
    const count = (department: number, district: number, need: number): number => {
      const key = (department * 65 + need + 1) * 0x4000000 + district
      let n = counted.get(key)
      if (n === undefined) {
        const all = this.in(department, 0, district)
        n = need === -1 ? all.length : all.reduce((sum, i) => sum + (meets(this.pool, i, need) ? 1 : 0), 0)
        counted.set(key, n)
      }
      return n
    }
    for (let object = 0; object < objects.count; object++) {
      const avoided = this.avoid.of(object)
      rules.departments.forEach((department, d) => {
        const missing = department.deal === 'group'
          ? this.noGroup(object, d, avoided)
          : this.noPerson(object, d, avoided, count)
        if (missing !== undefined) fail('objects.csv', object + 2, 'unservable', `${department.code}: ${missing}`)
      })
      if ((object & 0x3fff) === 0) progress?.(object / objects.count)
    }
  }

  private noGroup(object: number, department: number, avoided: Int32Array): string | undefined {
    const all = this.groupsFor(object, department)
    const without = new Set<number>()
    for (const i of avoided) if (all.includes(this.pool.groups[i]!)) without.add(this.pool.groups[i]!)
    return all.length > without.size ? undefined : 'no eligible group'
  }

  private noPerson(
    object: number, department: number, avoided: Int32Array,
    count: (department: number, district: number, need: number) => number,
  ): string | undefined {
    const { pool } = this
    const district = this.districtOf(object)
    const here = Array.from(avoided).filter(
      (i) => pool.departments[i] === department && pool.experts[i] === 0 && this.acts(i, object))
    const eligible = count(department, district, -1) - here.length
    if (eligible < this.rules.departments[department]!.team) return `${eligible} eligible inspectors`
    for (const need of this.needsOf(object, department).needs) {
      const who = count(department, district, need) - here.filter((i) => meets(pool, i, need)).length
      if (who < 1) return `nobody meets ${this.rules.needs[need]!.code}`
    }
    return undefined
  }
}

export function bits(needs: number[]): { low: number; high: number } {
  let [low, high] = [0, 0]
  for (const need of needs) {
    if (need < 32) low |= 1 << need
    else high |= 1 << (need - 32)
  }
  return { low, high }
}
