import type { Capacity } from './api'

/** In the order of the form. */
export const CAPACITIES: Capacity[] = ['deputy', 'discipline', 'notary', 'third_party', 'trade', 'media', 'public']

/** What can be a witness's value in a transcript. */
export const WITNESS_VALUE = /^[A-Za-z0-9-]{8,64}$/

/** Computing a witness's commitment needs the browser's own SHA-256, which exists only on a secure page. */
export const canCompute = (): boolean => typeof crypto !== 'undefined' && crypto.subtle !== undefined

/** `SHA-256(commitment ‖ LF ‖ name ‖ LF ‖ value)` as lower-case hex, as the draw's specification has it. */
export async function witnessCommitment(commitment: string, name: string, value: string): Promise<string> {
  const bytes = new TextEncoder().encode(`${commitment}\n${name}\n${value}`)
  const hash = new Uint8Array(await crypto.subtle.digest('SHA-256', bytes))
  return Array.from(hash, (b) => b.toString(16).padStart(2, '0')).join('')
}
