import { Inflate } from 'fflate'
import { fail } from './fault'
import { type Files, LIMITS, TOTAL_LIMIT } from './files'

const NAME = 'archive'
const END = 0x06054b50
const ENTRY = 0x02014b50
const LOCAL = 0x04034b50
/** How much of packed bytes is unpacked at once: what comes out of a part is at most about 1000 times as much. */
const PART = 1 << 14
const MOST_RATIO = 1040

/**
 * Unpacks a transcript (SPEC.md §1): plain files with known names and nothing else. What a file unpacks to is bounded
 * before a byte is unpacked, by what the archive says and by what its packed size can hold, and again while unpacking.
 */
export function unpack(zip: Uint8Array, progress?: (share: number) => void): Files {
  const view = new DataView(zip.buffer, zip.byteOffset, zip.byteLength)
  const bad = (why: string): never => fail(NAME, 0, 'archive', why)
  const end = findEnd(view)
  if (end === -1) bad('not a .zip file')
  const count = view.getUint16(end + 10, true)
  if (count !== view.getUint16(end + 8, true) || view.getUint16(end + 4, true) !== 0) bad('in several parts')
  if (count > LIMITS.size) bad(`${count} entries`)
  let at = view.getUint32(end + 16, true)
  const files: Files = new Map()
  let total = 0
  const entries: { name: string; method: number; crc: number; packed: Uint8Array; size: number }[] = []
  for (let i = 0; i < count; i++) {
    if (at + 46 > end || view.getUint32(at, true) !== ENTRY) bad('its directory is damaged')
    const [flags, method, crc, packed, size] = [
      view.getUint16(at + 8, true), view.getUint16(at + 10, true), view.getUint32(at + 16, true),
      view.getUint32(at + 20, true), view.getUint32(at + 24, true),
    ]
    const [nameLength, extraLength, commentLength, local] = [
      view.getUint16(at + 28, true), view.getUint16(at + 30, true), view.getUint16(at + 32, true),
      view.getUint32(at + 42, true),
    ]
    const name = new TextDecoder().decode(zip.subarray(at + 46, at + 46 + nameLength))
    if (!LIMITS.has(name)) bad(`it holds ${name.slice(0, 100)}`)
    if (entries.some((entry) => entry.name === name)) bad(`it holds ${name} twice`)
    if ((flags & 1) !== 0) bad(`${name} is encrypted`)
    if (method !== 0 && method !== 8) bad(`${name} is packed in an unknown way`)
    if (local + 30 > zip.length || view.getUint32(local, true) !== LOCAL) bad(`${name} is not where it should be`)
    const from = local + 30 + view.getUint16(local + 26, true) + view.getUint16(local + 28, true)
    if (from + packed > zip.length) bad(`${name} is cut off`)
    if (method === 0 ? packed !== size : size > MOST_RATIO * packed + 1024) bad(`${name} cannot have this size`)
    if (size > LIMITS.get(name)!) fail(name, 0, 'too-large', `${size} bytes`)
    total += size
    if (total > TOTAL_LIMIT) fail(name, 0, 'too-large', `together ${total} bytes`)
    entries.push({ name, method, crc, packed: zip.subarray(from, from + packed), size })
    at += 46 + nameLength + extraLength + commentLength
  }
  let done = 0
  for (const entry of entries) {
    const bytes = entry.method === 0 ? entry.packed : inflate(entry.packed, entry.size, (n) => progress?.((done + n) / total))
    if (!bytes || crc32(bytes) !== entry.crc) bad(`${entry.name} is damaged`)
    files.set(entry.name, bytes!)
    done += entry.size
  }
  return files
}

function findEnd(view: DataView): number {
  for (let at = view.byteLength - 22; at >= 0 && at >= view.byteLength - 22 - 0xffff; at--) {
    if (view.getUint32(at, true) === END && at + 22 + view.getUint16(at + 20, true) === view.byteLength) return at
  }
  return -1
}

/** Unpacks exactly `size` bytes; undefined if it are more or less. */
function inflate(packed: Uint8Array, size: number, progress: (done: number) => void): Uint8Array | undefined {
  const out = new Uint8Array(size)
  let n = 0
  let ended = false
  const stream = new Inflate((part, final) => {
    ended ||= final
    if (n + part.length <= size) out.set(part, n)
    n += part.length
  })
  try {
    for (let at = 0; at < packed.length && n <= size; at += PART) {
      stream.push(packed.subarray(at, at + PART), at + PART >= packed.length)
      progress(n)
    }
  } catch {
    return undefined
  }
  return n === size && ended ? out : undefined
}

const CRC = new Int32Array(256).map((_, n) => {
  for (let k = 0; k < 8; k++) n = n & 1 ? (n >>> 1) ^ 0xedb88320 : n >>> 1
  return n
})

function crc32(bytes: Uint8Array): number {
  let crc = -1
  for (let i = 0; i < bytes.length; i++) crc = (crc >>> 8) ^ CRC[(crc ^ bytes[i]!) & 0xff]!
  return ~crc >>> 0
}
