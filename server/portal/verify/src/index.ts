import { compare } from './bytes'

/**
 * Finds ranges of a file's bytes again, without strings: a table with open addressing. The hash takes its factors at
 * random for each table, so that nobody can prepare a file whose ids all fall on one place.
 */
export class ByteIndex {
  private table: Int32Array
  private readonly factors = new Int32Array(17)
  private starts: Int32Array
  private lengths: Uint16Array
  private hashes: Int32Array
  /** How many different ranges there are. */
  size = 0

  constructor(private readonly bytes: Uint8Array, expected = 16) {
    crypto.getRandomValues(this.factors)
    for (let i = 0; i < this.factors.length; i++) this.factors[i]! |= 1
    let slots = 32
    while (slots < 2 * expected) slots *= 2
    this.table = new Int32Array(slots).fill(-1)
    this.starts = new Int32Array(expected + 1)
    this.lengths = new Uint16Array(expected + 1)
    this.hashes = new Int32Array(expected + 1)
  }

  /** Number of the range, or −1. `bytes` may be those of another file. */
  find(bytes: Uint8Array, from: number, to: number): number {
    return this.table[this.slot(bytes, from, to, this.hash(bytes, from, to))]!
  }

  /** Number of a range of the own file, which is added if it is new. */
  add(from: number, to: number): number {
    const hash = this.hash(this.bytes, from, to)
    const slot = this.slot(this.bytes, from, to, hash)
    const found = this.table[slot]!
    if (found !== -1) return found
    if (this.size === this.starts.length) this.grow()
    const n = this.size++
    this.starts[n] = from
    this.lengths[n] = to - from
    this.hashes[n] = hash
    this.table[slot] = n
    if (2 * this.size > this.table.length) this.rehash()
    return n
  }

  /** The bytes of range `n`. */
  range(n: number): Uint8Array {
    return this.bytes.subarray(this.starts[n]!, this.starts[n]! + this.lengths[n]!)
  }

  /** Multilinear: of two different ranges of one length, the high bits of the sums differ but by luck. */
  private hash(bytes: Uint8Array, from: number, to: number): number {
    let sum = Math.imul(to - from, this.factors[16]!)
    let k = 0
    for (let i = from; i < to; i += 4) {
      const word = bytes[i]! | (i + 1 < to ? bytes[i + 1]! << 8 : 0) |
        (i + 2 < to ? bytes[i + 2]! << 16 : 0) | (i + 3 < to ? bytes[i + 3]! << 24 : 0)
      sum = (sum + Math.imul(word ^ (word >>> 15), this.factors[k]!)) | 0
      k = (k + 1) & 15
      if (k === 0) sum = Math.imul(sum ^ (sum >>> 16), 0x2c1b3c6d)
    }
    sum = Math.imul(sum ^ (sum >>> 16), 0x45d9f3b)
    return sum ^ (sum >>> 16)
  }

  private slot(bytes: Uint8Array, from: number, to: number, hash: number): number {
    const mask = this.table.length - 1
    for (let slot = hash & mask; ; slot = (slot + 1) & mask) {
      const n = this.table[slot]!
      if (n === -1) return slot
      if (this.hashes[n] !== hash) continue
      const start = this.starts[n]!
      if (compare(this.bytes, start, start + this.lengths[n]!, bytes, from, to) === 0) return slot
    }
  }

  private grow(): void {
    const more = <T extends Int32Array | Uint16Array>(old: T): T => {
      const next = new (old.constructor as new (n: number) => T)(2 * old.length)
      next.set(old)
      return next
    }
    this.starts = more(this.starts)
    this.lengths = more(this.lengths)
    this.hashes = more(this.hashes)
  }

  private rehash(): void {
    this.table = new Int32Array(2 * this.table.length).fill(-1)
    const mask = this.table.length - 1
    for (let n = 0; n < this.size; n++) {
      let slot = this.hashes[n]! & mask
      while (this.table[slot] !== -1) slot = (slot + 1) & mask
      this.table[slot] = n
    }
  }
}
