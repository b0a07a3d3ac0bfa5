/** Looking at text as bytes, without making strings of it. */

export const LF = 10
export const CR = 13
export const SPACE = 32
export const COMMA = 44

const encoder = new TextEncoder()
const decoder = new TextDecoder('utf-8', { ignoreBOM: true })

export function bytesOf(text: string): Uint8Array {
  return encoder.encode(text)
}

export function textOf(bytes: Uint8Array, from = 0, to = bytes.length): string {
  return decoder.decode(bytes.subarray(from, to))
}

const HEX = 1
const LOWER = 2
const TOKEN = 4
const GROUND = 8
const DIGIT = 16

/** What a byte may be part of. */
const KIND = new Uint8Array(256)
for (let b = 0; b < 256; b++) {
  const digit = b >= 48 && b <= 57
  const lower = b >= 97 && b <= 122
  const upper = b >= 65 && b <= 90
  const dash = b === 45
  KIND[b] =
    (digit || (b >= 97 && b <= 102) ? HEX : 0) |
    (lower ? LOWER : 0) |
    (digit || lower || upper || dash ? TOKEN : 0) |
    (lower || dash ? GROUND : 0) |
    (digit ? DIGIT : 0)
}

function all(bytes: Uint8Array, from: number, to: number, kind: number): boolean {
  for (let i = from; i < to; i++) if ((KIND[bytes[i]!]! & kind) === 0) return false
  return true
}

/** HASH: 64 of `0-9a-f`. */
export function isHash(bytes: Uint8Array, from: number, to: number): boolean {
  return to - from === 64 && all(bytes, from, to, HEX)
}

/** TOKEN: 1 to 32 of `A-Z a-z 0-9 -`. */
export function isToken(bytes: Uint8Array, from: number, to: number, longest = 32): boolean {
  return to > from && to - from <= longest && all(bytes, from, to, TOKEN)
}

/** ID: 1 to 64 of `A-Z a-z 0-9 -`. */
export function isId(bytes: Uint8Array, from: number, to: number): boolean {
  return isToken(bytes, from, to, 64)
}

/** GROUND: 1 to 32 of `a-z -`. */
export function isGround(bytes: Uint8Array, from: number, to: number): boolean {
  return to > from && to - from <= 32 && all(bytes, from, to, GROUND)
}

/** A number without sign and leading zero, or -1. At most 10 digits. */
export function number(bytes: Uint8Array, from: number, to: number): number {
  if (to <= from || to - from > 10 || !all(bytes, from, to, DIGIT)) return -1
  if (bytes[from] === 48 && to - from > 1) return -1
  let value = 0
  for (let i = from; i < to; i++) value = value * 10 + (bytes[i]! - 48)
  return value
}

/** Bytewise order of two ranges. */
export function compare(
  a: Uint8Array, aFrom: number, aTo: number,
  b: Uint8Array, bFrom: number, bTo: number,
): number {
  const n = Math.min(aTo - aFrom, bTo - bFrom)
  for (let i = 0; i < n; i++) {
    const difference = a[aFrom + i]! - b[bFrom + i]!
    if (difference !== 0) return difference
  }
  return aTo - aFrom - (bTo - bFrom)
}

export function equal(a: Uint8Array, b: Uint8Array): boolean {
  return compare(a, 0, a.length, b, 0, b.length) === 0
}

/** Whether a range is this ASCII word. */
export function is(bytes: Uint8Array, from: number, to: number, word: string): boolean {
  if (to - from !== word.length) return false
  for (let i = 0; i < word.length; i++) if (bytes[from + i] !== word.charCodeAt(i)) return false
  return true
}

/** How many LF stand before a place. */
export function lineAt(bytes: Uint8Array, place: number): number {
  let line = 1
  for (let at = bytes.indexOf(LF); at !== -1 && at < place; at = bytes.indexOf(LF, at + 1)) line++
  return line
}

/** Where the bytes stop being UTF-8 (RFC 3629), or -1. */
export function notUtf8(bytes: Uint8Array): number {
  for (let i = 0; i < bytes.length; ) {
    const b = bytes[i]!
    if (b < 0x80) { i++; continue }
    const more = b >= 0xc2 && b <= 0xdf ? 1 : b >= 0xe0 && b <= 0xef ? 2 : b >= 0xf0 && b <= 0xf4 ? 3 : 0
    if (more === 0) return i
    for (let k = 1; k <= more; k++) if (((bytes[i + k] ?? 0) & 0xc0) !== 0x80) return i
    const second = bytes[i + 1]!
    // Overlong forms, surrogates, and what lies above U+10FFFF.
    if (b === 0xe0 && second < 0xa0) return i
    if (b === 0xed && second > 0x9f) return i
    if (b === 0xf0 && second < 0x90) return i
    if (b === 0xf4 && second > 0x8f) return i
    i += more + 1
  }
  return -1
}
