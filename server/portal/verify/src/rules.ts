import { bytesOf, equal, notUtf8, textOf } from './bytes'
import { type Code, fail } from './fault'
import { type Json, NotJson, canonical, parse } from './json'

export interface Cell { cell: string; label: string; pick: { ppm: number } | { number: number }; reserves: number }
export interface Department { code: string; deal: 'person' | 'group'; experts: number; name: string; team: number }
export interface Item { code: string; department: string; name: string; priority: boolean; version: number }
export interface Need { code: string; department: string; name: string }
export type Mode =
  | { kind: 'double' }
  | { kind: 'objects' | 'inspectors'; reason: string; review_by: string }
  | { kind: 'census'; basis: string; from: string; weeks: number }
export type Last =
  | { kind: 'dice'; rolls: number; sides: number }
  | { kind: 'drand'; chain: string; round: number }

/** `rules.json` (SPEC.md §3.1). */
export interface Rules {
  ceremonyAt: string
  cells: Cell[]
  departments: Department[]
  districtMinimum: number
  draw: string
  items: Item[]
  mode: Mode
  needs: Need[]
  openings: 'sealed' | 'published'
  publicFrom: string
  last: Last
  nonceSha256: string
  title: string
}

/** How much chance a roll gives, in thousandths of a bit, by the number of sides (SPEC.md §4.2). */
export const MILLIBITS: Record<number, number> = { 4: 2000, 6: 2584, 8: 3000, 10: 3321, 12: 3584, 20: 4321 }
export const QUICKNET = '52db9ba70e0cc0f6eaf7803dd07447a1f5477735fd3f661792ba94600c84e971'
const QUICKNET_GENESIS = 1692803367
const QUICKNET_PERIOD = 3

const U32 = 2 ** 32 - 1
const MILLION = 1_000_000
const TOKEN = /^[A-Za-z0-9-]{1,32}$/
const HASH = /^[0-9a-f]{64}$/

/** Reads one JSON file: typed access that refuses with `form`. */
class Reader {
  constructor(private readonly name: string) {}

  fail(code: Code, detail = ''): never {
    fail(this.name, 0, code, detail)
  }
  form(what: string): never {
    this.fail('form', what)
  }
  rule(ok: boolean, what: string): void {
    if (!ok) this.fail('rule', what)
  }
  /** The values of exactly these keys, in this order. */
  object(value: Json, where: string, keys: string[]): Json[] {
    if (value.kind !== 'object') this.form(where)
    const found = new Map<string, Json>()
    for (const [key, v] of value.entries) {
      if (found.has(key)) this.form(`${where}: ${key} stands twice`)
      if (!keys.includes(key)) this.form(`${where}: ${key} has no meaning`)
      found.set(key, v)
    }
    return keys.map((key) => found.get(key) ?? this.form(`${where}: no ${key}`))
  }
  /** An object with one key. */
  variant(value: Json, where: string): [string, Json] {
    if (value.kind !== 'object' || value.entries.length !== 1) this.form(where)
    return value.entries[0]!
  }
  list(value: Json, where: string): Json[] {
    return value.kind === 'array' ? value.items : this.form(where)
  }
  text(value: Json, where: string): string {
    return value.kind === 'string' ? value.text : this.form(where)
  }
  one<T extends string>(value: Json, where: string, of: readonly T[]): T {
    const text = this.text(value, where)
    return of.find((known) => known === text) ?? this.form(`${where}: ${text}`)
  }
  bool(value: Json, where: string): boolean {
    return value.kind === 'true' || value.kind === 'false' ? value.kind === 'true' : this.form(where)
  }
  /** A whole number from 0 to `most`; what is beyond is of no known type. */
  whole(value: Json, where: string, most = U32): number {
    if (value.kind !== 'number' || !/^(0|[1-9][0-9]*)$/.test(value.text)) this.form(where)
    const n = Number(value.text)
    return n <= most ? n : this.form(`${where}: ${value.text}`)
  }
}

/** A text of `least` to 200 characters, without control characters, no white space at either end. */
function isText(text: string, least = 1): boolean {
  const n = [...text].length
  return n >= least && n <= 200 && !/\p{Cc}/u.test(text) && !/^\p{White_Space}|\p{White_Space}$/u.test(text)
}

/** A real date. */
function isDate(text: string): boolean {
  if (!/^[0-9]{4}-[0-9]{2}-[0-9]{2}$/.test(text)) return false
  const date = new Date(`${text}T00:00:00Z`)
  return !Number.isNaN(date.getTime()) && date.toISOString().slice(0, 10) === text
}

/** `YYYY-MM-DDTHH:MM:SS+08:00`, a real date. */
function isTime(text: string): boolean {
  const found = /^(.{10})T([0-9]{2}):([0-9]{2}):([0-9]{2})\+08:00$/.exec(text)
  return found !== null && isDate(found[1]!) && Number(found[2]) < 24 && Number(found[3]) < 60 && Number(found[4]) < 60
}

function tree(name: string, bytes: Uint8Array): Json {
  if (notUtf8(bytes) !== -1) fail(name, 0, 'not-text')
  try {
    return parse(textOf(bytes))
  } catch (error) {
    if (error instanceof NotJson) fail(name, 0, 'form', error.message)
    throw error
  }
}

function checkCanonical(name: string, bytes: Uint8Array, value: Json): void {
  if (!equal(bytes, bytesOf(canonical(value)))) fail(name, 0, 'not-canonical')
}

/** Reads and checks `rules.json` (SPEC.md §10 step 3). */
export function readRules(bytes: Uint8Array): Rules {
  const name = 'rules.json'
  const json = tree(name, bytes)
  const r: Reader = new Reader(name)
  if (json.kind !== 'object') r.form('not an object')
  const algorithm = json.entries.filter(([key]) => key === 'algorithm')
  if (algorithm.length !== 1) r.form('algorithm')
  const known = r.text(algorithm[0]![1], 'algorithm')
  if (known !== 'double-random/1') r.fail('unsupported', known)
  const rules = shape(r, json)
  checkValues(r, rules)
  checkCanonical(name, bytes, json)
  return rules
}

function shape(r: Reader, json: Json): Rules {
  const [, ceremonyAt, cells, departments, minimum, draw, items, mode, needs, openings, publicFrom, seed, title] =
    r.object(json, 'rules', [
      'algorithm', 'ceremony_at', 'cells', 'departments', 'district_minimum', 'draw', 'items', 'mode', 'needs',
      'openings', 'public_from', 'seed', 'title',
    ]) as [Json, Json, Json, Json, Json, Json, Json, Json, Json, Json, Json, Json, Json]
  const [last, nonce] = r.object(seed, 'seed', ['last', 'nonce_sha256']) as [Json, Json]
  return {
    ceremonyAt: r.text(ceremonyAt, 'ceremony_at'),
    cells: r.list(cells, 'cells').map((c) => {
      const [cell, label, pick, reserves] = r.object(c, 'cells', ['cell', 'label', 'pick', 'reserves']) as [Json, Json, Json, Json]
      return {
        cell: r.text(cell, 'cell'),
        label: r.text(label, 'label'),
        pick: pickOf(r, pick),
        reserves: r.whole(reserves, 'reserves'),
      }
    }),
    departments: r.list(departments, 'departments').map((d) => {
      const [code, deal, experts, name, team] = r.object(d, 'departments', ['code', 'deal', 'experts', 'name', 'team']) as [Json, Json, Json, Json, Json]
      return {
        code: r.text(code, 'code'),
        deal: r.one(deal, 'deal', ['person', 'group']),
        experts: r.whole(experts, 'experts'),
        name: r.text(name, 'name'),
        team: r.whole(team, 'team'),
      }
    }),
    districtMinimum: r.whole(minimum, 'district_minimum'),
    draw: r.text(draw, 'draw'),
    items: r.list(items, 'items').map((i) => {
      const [code, department, name, priority, version] = r.object(i, 'items', ['code', 'department', 'name', 'priority', 'version']) as [Json, Json, Json, Json, Json]
      return {
        code: r.text(code, 'code'),
        department: r.text(department, 'department'),
        name: r.text(name, 'name'),
        priority: r.bool(priority, 'priority'),
        version: r.whole(version, 'version'),
      }
    }),
    mode: modeOf(r, mode),
    needs: r.list(needs, 'needs').map((n) => {
      const [code, department, name] = r.object(n, 'needs', ['code', 'department', 'name']) as [Json, Json, Json]
      return { code: r.text(code, 'code'), department: r.text(department, 'department'), name: r.text(name, 'name') }
    }),
    openings: r.one(openings, 'openings', ['sealed', 'published']),
    publicFrom: r.text(publicFrom, 'public_from'),
    last: lastOf(r, last),
    nonceSha256: r.text(nonce, 'nonce_sha256'),
    title: r.text(title, 'title'),
  }
}

function pickOf(r: Reader, value: Json): Cell['pick'] {
  const [kind, n] = r.variant(value, 'pick')
  if (kind === 'ppm') return { ppm: r.whole(n, 'ppm') }
  if (kind === 'number') return { number: r.whole(n, 'number') }
  return r.form(`pick: ${kind}`)
}

function modeOf(r: Reader, value: Json): Mode {
  if (value.kind === 'string') return value.text === 'double' ? { kind: 'double' } : r.form(`mode: ${value.text}`)
  const [kind, inner] = r.variant(value, 'mode')
  if (kind === 'objects' || kind === 'inspectors') {
    const [reason, by] = r.object(inner, 'mode', ['reason', 'review_by']) as [Json, Json]
    return { kind, reason: r.text(reason, 'reason'), review_by: r.text(by, 'review_by') }
  }
  if (kind !== 'census') r.form(`mode: ${kind}`)
  const [basis, from, weeks] = r.object(inner, 'mode', ['basis', 'from', 'weeks']) as [Json, Json, Json]
  return { kind, basis: r.text(basis, 'basis'), from: r.text(from, 'from'), weeks: r.whole(weeks, 'weeks') }
}

function lastOf(r: Reader, value: Json): Last {
  const [kind, inner] = r.variant(value, 'last')
  if (kind === 'dice') {
    const [rolls, sides] = r.object(inner, 'dice', ['rolls', 'sides']) as [Json, Json]
    return { kind, rolls: r.whole(rolls, 'rolls'), sides: r.whole(sides, 'sides') }
  }
  if (kind !== 'drand') r.form(`last: ${kind}`)
  const [chain, round] = r.object(inner, 'drand', ['chain', 'round']) as [Json, Json]
  return { kind, chain: r.text(chain, 'chain'), round: r.whole(round, 'round', 2 ** 64) }
}

/** The values of SPEC.md §3.1, in the alphabetical order of the keys. */
function checkValues(r: Reader, rules: Rules): void {
  const codes = rules.departments.map((d) => d.code)
  r.rule(isTime(rules.ceremonyAt), 'ceremony_at')

  r.rule(rules.cells.length >= 1 && rules.cells.length <= 9999, 'cells')
  rules.cells.forEach((c, i) => {
    r.rule(c.cell === String(i + 1).padStart(4, '0'), `cell ${c.cell}`)
    r.rule(isText(c.label, 0), `label of cell ${c.cell}`)
    r.rule(!('ppm' in c.pick) || c.pick.ppm <= MILLION, `ppm of cell ${c.cell}`)
  })

  r.rule(codes.length >= 1 && codes.length <= 10, 'departments')
  const least = rules.mode.kind === 'objects' ? 0 : 2
  for (const d of rules.departments) {
    r.rule(TOKEN.test(d.code), `code of department ${d.code}`)
    r.rule(d.experts <= (least === 0 ? 0 : 5), `experts of department ${d.code}`)
    r.rule(isText(d.name), `name of department ${d.code}`)
    r.rule(d.team >= least && d.team <= (least === 0 ? 0 : 10), `team of department ${d.code}`)
  }
  r.rule(new Set(codes).size === codes.length, 'a department stands twice')
  r.rule(rules.departments.reduce((n, d) => n + d.team + d.experts, 0) <= 50, 'more than 50 in a team')

  r.rule(rules.districtMinimum <= MILLION, 'district_minimum')
  r.rule(isText(rules.draw), 'draw')

  r.rule(rules.items.length >= 1 && rules.items.length <= 1000, 'items')
  for (const i of rules.items) {
    r.rule(isText(i.code), `code of item ${i.code}`)
    r.rule(codes.includes(i.department), `department of item ${i.code}`)
    r.rule(isText(i.name), `name of item ${i.code}`)
  }
  r.rule(ascending(rules.items.map((i) => i.code)), 'items are not ascending')

  const mode = rules.mode
  if (mode.kind === 'census') {
    r.rule(isText(mode.basis), 'basis')
    r.rule(isDate(mode.from), 'from')
    r.rule(mode.weeks >= 1 && mode.weeks <= 53, 'weeks')
  } else if (mode.kind !== 'double') {
    r.rule(isText(mode.reason), 'reason')
    r.rule(isDate(mode.review_by), 'review_by')
  }

  r.rule(rules.needs.length <= 64, 'needs')
  for (const n of rules.needs) {
    r.rule(TOKEN.test(n.code), `code of need ${n.code}`)
    r.rule(codes.includes(n.department), `department of need ${n.code}`)
    r.rule(isText(n.name), `name of need ${n.code}`)
  }
  r.rule(ascending(rules.needs.map((n) => n.code)), 'needs are not ascending')

  r.rule(rules.publicFrom === 'draw' || isDate(rules.publicFrom), 'public_from')
  checkLast(r, rules)
  r.rule(HASH.test(rules.nonceSha256), 'nonce_sha256')
  r.rule(isText(rules.title), 'title')

  if (mode.kind === 'census' || mode.kind === 'inspectors') {
    for (const c of rules.cells) {
      r.rule('ppm' in c.pick && c.pick.ppm === MILLION && c.reserves === 0, `all objects of cell ${c.cell} are drawn`)
    }
    r.rule(rules.districtMinimum === 0, 'district_minimum')
  }
}

function checkLast(r: Reader, rules: Rules): void {
  const last = rules.last
  if (last.kind === 'dice') {
    const millibits = MILLIBITS[last.sides]
    r.rule(millibits !== undefined && last.rolls <= 1000 && last.rolls * millibits >= 64_000, 'dice')
    return
  }
  if (last.chain !== QUICKNET) r.fail('unsupported', last.chain)
  r.rule(last.round >= 1 && last.round <= 1e12, 'round')
  const after = QUICKNET_GENESIS + QUICKNET_PERIOD * (last.round - 1) - Date.parse(rules.ceremonyAt) / 1000
  r.rule(after >= 60 && after <= 31 * 86_400, 'the round is not 60 seconds to 31 days after the ceremony')
}

/** Strictly ascending, bytewise: by code points, which is the order of UTF-8. */
function ascending(codes: string[]): boolean {
  return codes.every((code, i) => i === 0 || compareText(codes[i - 1]!, code) < 0)
}

function compareText(a: string, b: string): number {
  const [x, y] = [bytesOf(a), bytesOf(b)]
  for (let i = 0; i < Math.min(x.length, y.length); i++) if (x[i] !== y[i]) return x[i]! - y[i]!
  return x.length - y.length
}

/** `void.json` (SPEC.md §9). */
export interface Void { at: string; commitment: string; reason: string }

export function readVoid(bytes: Uint8Array, commitment: string): Void {
  const name = 'void.json'
  const json = tree(name, bytes)
  const r: Reader = new Reader(name)
  const [at, of, reason] = r.object(json, 'void', ['at', 'commitment', 'reason']) as [Json, Json, Json]
  const found = { at: r.text(at, 'at'), commitment: r.text(of, 'commitment'), reason: r.text(reason, 'reason') }
  r.rule(isTime(found.at), 'at')
  r.rule(HASH.test(found.commitment), 'commitment')
  r.rule(isText(found.reason), 'reason')
  checkCanonical(name, bytes, json)
  if (found.commitment !== commitment) r.fail('commitment', found.commitment)
  return found
}
