import type { Objects } from './objects'
import { objectId } from './objects'
import type { Rules } from './rules'
import { Tickets } from './sha'

/** Which objects are drawn (SPEC.md §5). */
export interface Selection {
  /** Drawn objects in the order of rank. */
  drawn: Int32Array
  /** Rank of an object, or −1. */
  ranks: Int32Array
  /** Reserves of each cell, in their order. */
  reserves: Int32Array[]
  tickets: Tickets
}

export function select(
  rules: Rules, objects: Objects, seed: string, progress?: (share: number) => void,
): Selection {
  const tickets = new Tickets(seed, 'object')
  const keys = new Float64Array(objects.count)
  for (let i = 0; i < objects.count; i++) {
    keys[i] = tickets.beginning(objectId(objects, i))
    if ((i & 0x3fff) === 0) progress?.(i / objects.count)
  }
  const order = (a: number, b: number): number => {
    const difference = keys[a]! - keys[b]!
    if (difference !== 0 || a === b) return difference
    // The first 52 bits agree: only the whole tickets tell.
    const whole = tickets.of(objectId(objects, a)).slice()
    const other = tickets.of(objectId(objects, b))
    for (let i = 0; i < 32; i++) if (whole[i] !== other[i]) return whole[i]! - other[i]!
    return 0
  }

  const chosen = new Uint8Array(objects.count)
  const cells = byNumber(objects.cells, rules.cells.length)
  const reach = cells.map((cell, c) => {
    const n = howMany(cell.length, rules.cells[c]!.pick)
    for (const object of smallest(cell, n, keys, order)) chosen[object] = 1
    return n
  })
  if (rules.districtMinimum > 0) {
    for (const district of byNumber(objects.districts, objects.districtNames.size)) {
      const others = district.filter((object) => chosen[object] === 0)
      const missing = rules.districtMinimum - (district.length - others.length)
      if (missing > 0) for (const object of smallest(others, missing, keys, order)) chosen[object] = 1
    }
  }
  const reserves = cells.map((cell, c) => {
    const wanted = rules.cells[c]!.reserves
    if (wanted === 0 || reach[c] === cell.length) return new Int32Array(0)
    return smallest(cell.filter((object) => chosen[object] === 0), wanted, keys, order)
  })
  const all = new Int32Array(objects.count).map((_, i) => i).filter((i) => chosen[i] === 1)
  const drawn = all.sort(order)
  const ranks = new Int32Array(objects.count).fill(-1)
  drawn.forEach((object, rank) => { ranks[object] = rank })
  return { drawn, ranks, reserves, tickets }
}

function howMany(n: number, pick: { ppm: number } | { number: number }): number {
  return 'number' in pick ? Math.min(n, pick.number) : Math.ceil((n * pick.ppm) / 1_000_000)
}

/** Members of each number of a column, in the order of the file. */
function byNumber(column: ArrayLike<number>, numbers: number): Int32Array[] {
  const at = new Int32Array(numbers + 1)
  for (let i = 0; i < column.length; i++) at[column[i]! + 1]!++
  for (let i = 0; i < numbers; i++) at[i + 1]! += at[i]!
  const all = new Int32Array(column.length)
  const next = at.slice()
  for (let i = 0; i < column.length; i++) all[next[column[i]!]!++] = i
  return Array.from({ length: numbers }, (_, k) => all.subarray(at[k]!, at[k + 1]!))
}

/** The `n` smallest, ascending. Sorting the beginnings alone says which need be compared at all. */
function smallest(
  of: Int32Array, n: number, keys: Float64Array, order: (a: number, b: number) => number,
): Int32Array {
  if (n >= of.length) return of.slice().sort(order)
  if (n === 0) return new Int32Array(0)
  const sorted = Float64Array.from(of, (object) => keys[object]!).sort()
  const last = sorted[n - 1]!
  return of.filter((object) => keys[object]! <= last).sort(order).subarray(0, n)
}
