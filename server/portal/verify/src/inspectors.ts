import { bytesOf, compare, is, isHash, isToken, number } from './bytes'
import { fail } from './fault'
import { ByteIndex } from './index'
import { Rows, checkText } from './lines'
import { countLines, needList, tokenList } from './objects'
import type { Rules } from './rules'

const NAME = 'inspectors.csv'
const MOST_DISTRICTS = 128
const MOST_EXPERTISE = 32
const MOST_CAPACITY = 1_000_000
const MOST_PLACES = 16_000_000
const MOST_GROUPS = 1000

/** The pool (SPEC.md §3.3) in columns, one place for each inspector and expert in the order of the file. */
export interface Inspectors {
  count: number
  bytes: Uint8Array
  ids: Int32Array
  /** Number of the department in the rules. */
  departments: Uint8Array
  /** 1: an expert. */
  experts: Uint8Array
  /** Number of the group, or −1. Groups of different departments have different numbers. */
  groups: Int32Array
  /** Tokens of the groups by number. */
  groupNames: Uint8Array[]
  /** Where the districts of one start in `districtsOf`; there is one place more than inspectors. */
  districtsAt: Int32Array
  districtsOf: Int32Array
  districtNames: ByteIndex
  /** The needs that one meets, as bits of two numbers. */
  expertiseLow: Int32Array
  expertiseHigh: Int32Array
  capacities: Int32Array
  byId: ByteIndex
}

export function inspectorId(pool: Inspectors, inspector: number): Uint8Array {
  const at = pool.ids[inspector]!
  return pool.bytes.subarray(at, at + 64)
}

/** Whether one meets a need. */
export function meets(pool: Inspectors, inspector: number, need: number): boolean {
  const bits = need < 32 ? pool.expertiseLow[inspector]! : pool.expertiseHigh[inspector]!
  return ((bits >>> (need & 31)) & 1) === 1
}

/** Reads `inspectors.csv` (SPEC.md §10 step 4). */
export function readInspectors(bytes: Uint8Array, rules: Rules): Inspectors {
  checkText(NAME, bytes)
  const rows: Rows = new Rows(NAME, bytes, 'inspector,department,role,unit,group,districts,expertise,capacity')
  const most = countLines(bytes) - 1
  const pool: Inspectors = {
    count: 0,
    bytes,
    ids: new Int32Array(most),
    departments: new Uint8Array(most),
    experts: new Uint8Array(most),
    groups: new Int32Array(most).fill(-1),
    groupNames: [],
    districtsAt: new Int32Array(most + 1),
    districtsOf: new Int32Array(1024),
    districtNames: new ByteIndex(bytes),
    expertiseLow: new Int32Array(most),
    expertiseHigh: new Int32Array(most),
    capacities: new Int32Array(most),
    byId: new ByteIndex(bytes, most),
  }
  const departmentCodes = rules.departments.map((d) => bytesOf(d.code))
  const needCodes = rules.needs.map((n) => bytesOf(n.code))
  const groupTokens = new ByteIndex(bytes)
  const groups = new Map<number, number>()
  const groupsOf = rules.departments.map(() => 0)
  let places = 0
  while (rows.next()) {
    if (rules.mode.kind === 'objects') rows.fail('rule', 'nobody is dealt in this mode')
    rows.split()
    const n = pool.count
    const [id, department, role, unit, group, districtsField, expertise, capacityField] = [0, 1, 2, 3, 4, 5, 6, 7] as const
    if (!isHash(bytes, rows.from, rows.end(id))) rows.fail('form', 'inspector')
    if (!isToken(bytes, rows.start(department), rows.end(department))) rows.fail('form', 'department')
    const expert = is(bytes, rows.start(role), rows.end(role), 'expert')
    if (!expert && !is(bytes, rows.start(role), rows.end(role), 'inspector')) rows.fail('form', 'role')
    if (!isToken(bytes, rows.start(unit), rows.end(unit))) rows.fail('form', 'unit')
    const grouped = rows.end(group) > rows.start(group)
    if (grouped && (expert || !isToken(bytes, rows.start(group), rows.end(group)))) rows.fail('form', 'group')
    const districts = tokenList(bytes, rows.start(districtsField), rows.end(districtsField), MOST_DISTRICTS)
    if (!districts) rows.fail('form', 'districts')
    const needs = needList(bytes, rows.start(expertise), rows.end(expertise), needCodes, MOST_EXPERTISE)
    if (!needs) rows.fail('form', 'expertise')
    const capacity = number(bytes, rows.start(capacityField), rows.to)
    if (capacity === -1 || capacity > MOST_CAPACITY) rows.fail('form', 'capacity')

    const of = departmentCodes.findIndex((c) => compare(c, 0, c.length, bytes, rows.start(department), rows.end(department)) === 0)
    if (of === -1) rows.fail('unknown', 'department')
    if (needs.includes(-1)) rows.fail('unknown', 'expertise')
    if (n > 0) {
      const before = pool.ids[n - 1]!
      const order = compare(bytes, before, before + 64, bytes, rows.from, rows.from + 64)
      if (order === 0) rows.fail('duplicate', 'inspector')
      if (order > 0) rows.fail('unsorted')
    }
    places += districts.length * (1 + needs.length)
    if (places > MOST_PLACES) rows.fail('too-large', 'districts and expertise of all together')

    pool.ids[n] = rows.from
    pool.departments[n] = of
    pool.experts[n] = expert ? 1 : 0
    if (grouped) {
      const token = groupTokens.add(rows.start(group), rows.end(group))
      const key = of * 0x4000000 + token
      let number = groups.get(key)
      if (number === undefined) {
        if (++groupsOf[of]! > MOST_GROUPS) rows.fail('too-large', 'groups of one department')
        number = groups.size
        groups.set(key, number)
        pool.groupNames.push(groupTokens.range(token))
      }
      pool.groups[n] = number
    }
    const at = pool.districtsAt[n]!
    if (at + districts.length > pool.districtsOf.length) {
      const more = new Int32Array(2 * pool.districtsOf.length + MOST_DISTRICTS)
      more.set(pool.districtsOf)
      pool.districtsOf = more
    }
    districts.forEach(([from, to], i) => { pool.districtsOf[at + i] = pool.districtNames.add(from, to) })
    pool.districtsAt[n + 1] = at + districts.length
    for (const need of needs) {
      if (need < 32) pool.expertiseLow[n]! |= 1 << need
      else pool.expertiseHigh[n]! |= 1 << (need - 32)
    }
    pool.capacities[n] = capacity
    pool.byId.add(rows.from, rows.from + 64)
    pool.count++
  }
  if (pool.count !== most) fail(NAME, 0, 'form')
  return pool
}
