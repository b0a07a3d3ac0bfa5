import { LF, compare, is, isGround, isHash, isId } from './bytes'
import { fail } from './fault'
import { COMMITTED, type Files, file } from './files'
import { ByteIndex } from './index'
import type { Inspectors } from './inspectors'
import { Rows, checkText } from './lines'
import { type Objects, countLines } from './objects'
import { sha256Hex, sha256Lines } from './sha'

/** `manifest.txt` (SPEC.md §3.6): five lines that fit the five files. Returns the commitment. */
export function checkManifest(files: Files, progress?: (share: number) => void): string {
  const name = 'manifest.txt'
  const bytes = file(files, name)
  checkText(name, bytes)
  if (countLines(bytes) !== COMMITTED.length) fail(name, 0, 'form', 'not five lines')
  const total = COMMITTED.reduce((sum, f) => sum + file(files, f).length, 0)
  let before = 0
  let from = 0
  COMMITTED.forEach((committed, i) => {
    const to = bytes.indexOf(LF, from)
    if (!isHash(bytes, from, Math.min(to, from + 64)) || !is(bytes, from + 64, to, `  ${committed}`)) {
      fail(name, i + 1, 'form', committed)
    }
    const content = file(files, committed)
    const hash = sha256Hex(content, (share) => progress?.((before + share * content.length) / total))
    before += content.length
    if (!is(bytes, from, from + 64, hash)) fail(name, i + 1, 'hash', `${committed} has ${hash}`)
    from = to + 1
  })
  return sha256Hex(bytes)
}

/** Who must not meet whom (SPEC.md §3.4), by object. */
export class Avoidances {
  /** Where the inspectors of an object start in `inspectors`; one place more than objects. */
  private readonly at: Int32Array
  private readonly inspectors: Int32Array

  constructor(objects: number, pairObjects: Int32Array, pairInspectors: Int32Array) {
    const at = new Int32Array(objects + 2)
    for (const object of pairObjects) at[object + 2]!++
    for (let i = 2; i < at.length; i++) at[i]! += at[i - 1]!
    this.inspectors = new Int32Array(pairInspectors.length)
    for (let i = 0; i < pairObjects.length; i++) {
      this.inspectors[at[pairObjects[i]! + 1]!++] = pairInspectors[i]!
    }
    this.at = at
  }

  get count(): number {
    return this.inspectors.length
  }

  /** Who must not meet an object, ascending. */
  of(object: number): Int32Array {
    return this.inspectors.subarray(this.at[object]!, this.at[object + 1]!)
  }

  has(inspector: number, object: number): boolean {
    return this.of(object).includes(inspector)
  }
}

export function readAvoid(bytes: Uint8Array, objects: Objects, pool: Inspectors): Avoidances {
  const name = 'avoid.csv'
  checkText(name, bytes)
  const rows: Rows = new Rows(name, bytes, 'inspector,object')
  const most = countLines(bytes) - 1
  const [pairObjects, pairInspectors] = [new Int32Array(most), new Int32Array(most)]
  let n = 0
  let before = -1
  while (rows.next()) {
    rows.split()
    if (!isHash(bytes, rows.from, rows.end(0))) rows.fail('form', 'inspector')
    if (!isHash(bytes, rows.start(1), rows.to)) rows.fail('form', 'object')
    const inspector = pool.byId.find(bytes, rows.from, rows.end(0))
    if (inspector === -1) rows.fail('unknown', 'inspector')
    const object = objects.byId.find(bytes, rows.start(1), rows.to)
    if (object === -1) rows.fail('unknown', 'object')
    if (before !== -1) {
      const order = compare(bytes, before, before + 129, bytes, rows.from, rows.to)
      if (order === 0) rows.fail('duplicate')
      if (order > 0) rows.fail('unsorted')
    }
    before = rows.from
    pairObjects[n] = object
    pairInspectors[n++] = inspector
  }
  return new Avoidances(objects.count, pairObjects, pairInspectors)
}

/** `excluded.csv` (SPEC.md §3.5) and how to find in it. */
export interface Excluded {
  objects: number
  inspectors: number
  /** The ground of an excluded object or inspector. */
  ground(kind: 'object' | 'inspector', id: Uint8Array): string | undefined
}

export function readExcluded(bytes: Uint8Array, objects: Objects, pool: Inspectors): Excluded {
  const name = 'excluded.csv'
  checkText(name, bytes)
  const rows: Rows = new Rows(name, bytes, 'kind,id,ground')
  const index = new ByteIndex(bytes, countLines(bytes))
  const counts = { objects: 0, inspectors: 0 }
  let beforeFrom = -1
  let beforeKey = -1
  let beforeTo = -1
  while (rows.next()) {
    rows.split()
    const object = is(bytes, rows.from, rows.end(0), 'object')
    if (!object && !is(bytes, rows.from, rows.end(0), 'inspector')) rows.fail('form', 'kind')
    if (!isHash(bytes, rows.start(1), rows.end(1))) rows.fail('form', 'id')
    if (!isGround(bytes, rows.start(2), rows.to)) rows.fail('form', 'ground')
    if ((object ? objects : pool).byId.find(bytes, rows.start(1), rows.end(1)) !== -1) rows.fail('duplicate', 'listed and excluded')
    if (beforeFrom !== -1) {
      if (compare(bytes, beforeFrom, beforeKey, bytes, rows.from, rows.end(1)) === 0) rows.fail('duplicate')
      if (compare(bytes, beforeFrom, beforeTo, bytes, rows.from, rows.to) > 0) rows.fail('unsorted')
    }
    ;[beforeFrom, beforeKey, beforeTo] = [rows.from, rows.end(1), rows.to]
    index.add(rows.from, rows.end(1))
    counts[object ? 'objects' : 'inspectors']++
  }
  return {
    ...counts,
    ground(kind, id) {
      const key = new Uint8Array(kind.length + 1 + id.length)
      for (let i = 0; i < kind.length; i++) key[i] = kind.charCodeAt(i)
      key[kind.length] = 44
      key.set(id, kind.length + 1)
      const found = index.find(key, 0, key.length)
      if (found === -1) return undefined
      const row = index.range(found)
      const end = row.byteOffset - bytes.byteOffset + row.length
      return new TextDecoder().decode(bytes.subarray(end + 1, bytes.indexOf(LF, end)))
    },
  }
}

/** `openings.csv` (SPEC.md §7). Returns how many are opened. */
export function checkOpenings(bytes: Uint8Array, objects: Objects, pool: Inspectors, excluded: Excluded): number {
  const name = 'openings.csv'
  checkText(name, bytes)
  const rows: Rows = new Rows(name, bytes, 'kind,id,salt')
  const text = new TextDecoder()
  let n = 0
  let [beforeFrom, beforeKey, beforeTo] = [-1, -1, -1]
  while (rows.next()) {
    rows.split()
    const object = is(bytes, rows.from, rows.end(0), 'object')
    if (!object && !is(bytes, rows.from, rows.end(0), 'inspector')) rows.fail('form', 'kind')
    if (!isId(bytes, rows.start(1), rows.end(1))) rows.fail('form', 'id')
    if (!isHash(bytes, rows.start(2), rows.to)) rows.fail('form', 'salt')
    const salt = text.decode(bytes.subarray(rows.start(2), rows.to))
    const blinded = sha256Lines(salt, text.decode(bytes.subarray(rows.start(1), rows.end(1))))
    const id = Uint8Array.from(blinded, (c) => c.charCodeAt(0))
    const kind = object ? 'object' : 'inspector'
    const listed = (object ? objects.byId : pool.byId).find(id, 0, 64) !== -1 || excluded.ground(kind, id) !== undefined
    if (!listed) rows.fail('unknown', blinded)
    if (beforeFrom !== -1) {
      if (compare(bytes, beforeFrom, beforeKey, bytes, rows.from, rows.end(1)) === 0) rows.fail('duplicate')
      if (compare(bytes, beforeFrom, beforeTo, bytes, rows.from, rows.to) > 0) rows.fail('unsorted')
    }
    ;[beforeFrom, beforeKey, beforeTo] = [rows.from, rows.end(1), rows.to]
    n++
  }
  return n
}
