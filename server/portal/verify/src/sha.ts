import { sha256 } from '@noble/hashes/sha2.js'
import { bytesOf } from './bytes'

const DIGITS = bytesOf('0123456789abcdef')
const PART = 1 << 22

function putHex(hash: Uint8Array, out: Uint8Array, at = 0): Uint8Array {
  for (let i = 0; i < 32; i++) {
    out[at + 2 * i] = DIGITS[hash[i]! >> 4]!
    out[at + 2 * i + 1] = DIGITS[hash[i]! & 15]!
  }
  return out
}

function textOfHash(hash: Uint8Array): string {
  let text = ''
  for (let i = 0; i < 32; i++) text += hash[i]!.toString(16).padStart(2, '0')
  return text
}

/** SHA-256 as 64 hexadecimal digits. `progress` is told the share that is done. */
export function sha256Hex(bytes: Uint8Array, progress?: (share: number) => void): string {
  const hash = sha256.create()
  for (let at = 0; at < bytes.length; at += PART) {
    hash.update(bytes.subarray(at, at + PART))
    progress?.(Math.min(1, (at + PART) / bytes.length))
  }
  return textOfHash(hash.digest())
}

/** SHA-256 of lines that are put together with LF between them. */
export function sha256Lines(...lines: string[]): string {
  return textOfHash(sha256(bytesOf(lines.join('\n'))))
}

/**
 * Tickets of one purpose (SPEC.md §5): SHA-256(seed ‖ LF ‖ purpose ‖ LF ‖ id). What is the same for all ids is hashed
 * once: the seed's 64 digits are exactly one block of SHA-256.
 */
export class Tickets {
  private readonly prefix = sha256.create()
  private readonly state = sha256.create()
  private readonly out = new Uint8Array(32)

  constructor(seed: string, purpose: string) {
    this.prefix.update(bytesOf(`${seed}\n${purpose}\n`))
  }

  /** The ticket's 32 bytes, overwritten by the next call. */
  of(id: Uint8Array): Uint8Array {
    this.prefix._cloneInto(this.state)
    this.state.update(id)
    this.state.digestInto(this.out)
    return this.out
  }

  /** The ticket's first 52 bits as a number: enough to compare almost all tickets. */
  beginning(id: Uint8Array): number {
    return beginning(this.of(id))
  }

  /** Writes the ticket as 64 hexadecimal digits. */
  write(id: Uint8Array, out: Uint8Array, at: number): void {
    putHex(this.of(id), out, at)
  }
}

export function beginning(t: Uint8Array): number {
  const high = ((t[0]! << 24) | (t[1]! << 16) | (t[2]! << 8) | t[3]!) >>> 0
  const low = ((t[4]! << 16) | (t[5]! << 8) | t[6]!) >>> 4
  return high * 0x100000 + low
}
