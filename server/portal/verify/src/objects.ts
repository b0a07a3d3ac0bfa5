import { LF, SPACE, bytesOf, compare, isHash, isToken, textOf } from './bytes'
import { fail } from './fault'
import { ByteIndex } from './index'
import { Rows, checkEnd } from './lines'
import type { Rules } from './rules'

const NAME = 'objects.csv'
const MOST_NEEDS = 16

/** The frame (SPEC.md §3.2) in columns, one place for each object in the order of the file. */
export interface Objects {
  count: number
  bytes: Uint8Array
  /** Where the blinded id of an object starts in `bytes`. */
  ids: Int32Array
  /** Number of the cell, from 0. */
  cells: Uint16Array
  /** Number of the district. */
  districts: Int32Array
  districtNames: ByteIndex
  /** Number of the list of needs. */
  needs: Int32Array
  /** The lists of needs, each need as its number in the rules, ascending. */
  needLists: number[][]
  byId: ByteIndex
}

/** The blinded id of an object. */
export function objectId(objects: Objects, object: number): Uint8Array {
  const at = objects.ids[object]!
  return objects.bytes.subarray(at, at + 64)
}

export function countLines(bytes: Uint8Array): number {
  let n = 0
  for (let at = bytes.indexOf(LF); at !== -1; at = bytes.indexOf(LF, at + 1)) n++
  return n
}

/** Reads `objects.csv` (SPEC.md §10 step 4). `progress` is told the share that is done. */
export function readObjects(bytes: Uint8Array, rules: Rules, progress?: (share: number) => void): Objects {
  checkEnd(NAME, bytes)
  const rows: Rows = new Rows(NAME, bytes, 'cell,object,district,needs', true)
  const most = countLines(bytes) - 1
  const objects: Objects = {
    count: 0,
    bytes,
    ids: new Int32Array(most),
    cells: new Uint16Array(most),
    districts: new Int32Array(most),
    districtNames: new ByteIndex(bytes),
    needs: new Int32Array(most),
    needLists: [],
    byId: new ByteIndex(bytes, most),
  }
  const codes = rules.needs.map((n) => bytesOf(n.code))
  const lists = new ByteIndex(bytes)
  let twice = 0
  while (rows.next()) {
    rows.split()
    const [cellAt, idAt, needsAt] = [rows.from, rows.start(1), rows.start(3)]
    const cell = fourDigits(bytes, cellAt, rows.end(0))
    if (cell === -1) rows.fail('form', 'cell')
    if (!isHash(bytes, idAt, rows.end(1))) rows.fail('form', 'object')
    if (!isToken(bytes, rows.start(2), rows.end(2))) rows.fail('form', 'district')
    const list = lists.add(needsAt, rows.to)
    if (list === objects.needLists.length) {
      const needs = needList(bytes, needsAt, rows.to, codes)
      if (!needs) rows.fail('form', 'needs')
      objects.needLists.push(needs)
    }
    if (cell < 1 || cell > rules.cells.length) rows.fail('unknown', 'cell')
    if (objects.needLists[list]!.includes(-1)) rows.fail('unknown', 'needs')
    const n = objects.count
    if (n > 0) {
      const before = objects.ids[n - 1]!
      const order = compare(bytes, before - 5, before + 64, bytes, cellAt, idAt + 64)
      if (order === 0) rows.fail('duplicate', 'object')
      if (order > 0) rows.fail('unsorted')
    }
    objects.ids[n] = idAt
    objects.cells[n] = cell - 1
    objects.districts[n] = objects.districtNames.add(rows.start(2), rows.end(2))
    objects.needs[n] = list
    if (objects.byId.add(idAt, idAt + 64) !== n && twice === 0) twice = rows.line
    // After a repeated id the numbers of the index are behind; the file is refused in any case.
    objects.count++
    if ((n & 0x3fff) === 0) progress?.(rows.from / bytes.length)
  }
  if (twice !== 0) fail(NAME, twice, 'duplicate', 'object')
  return objects
}

function fourDigits(bytes: Uint8Array, from: number, to: number): number {
  if (to - from !== 4) return -1
  let value = 0
  for (let i = from; i < to; i++) {
    const digit = bytes[i]! - 48
    if (digit < 0 || digit > 9) return -1
    value = value * 10 + digit
  }
  return value
}

/** A list of tokens, ascending, as their places in `codes` (−1: not there); undefined if it is no such list. */
export function tokenList(bytes: Uint8Array, from: number, to: number, most: number): [number, number][] | undefined {
  const list: [number, number][] = []
  if (from === to) return list
  for (let start = from; start <= to; ) {
    let end = start
    while (end < to && bytes[end] !== SPACE) end++
    if (!isToken(bytes, start, end) || list.length === most) return undefined
    const last = list[list.length - 1]
    if (last && compare(bytes, last[0], last[1], bytes, start, end) >= 0) return undefined
    list.push([start, end])
    start = end + 1
  }
  return list
}

export function needList(bytes: Uint8Array, from: number, to: number, codes: Uint8Array[], most = MOST_NEEDS): number[] | undefined {
  return tokenList(bytes, from, to, most)?.map(([start, end]) =>
    codes.findIndex((code) => compare(code, 0, code.length, bytes, start, end) === 0),
  )
}

export function districtName(objects: Objects, district: number): string {
  return textOf(objects.districtNames.range(district))
}
