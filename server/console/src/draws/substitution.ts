import { type Schemas, answer, api, sendFile } from '@/api/client'
import type { Tone } from '@/ui/StatusMark.vue'

export type Substitution = Schemas['SubstitutionView']
export type Kind = Substitution['kind']
export type Ground = Substitution['ground']
export type RequestState = Substitution['state']
export type Followed = Substitution['followed'][number]
export type Evidence = Schemas['EvidenceView']
export type Standing = Schemas['ResultRow']

/** In the order in which they are offered. */
export const KINDS: Kind[] = ['relief', 'avoid', 'replace', 'pass']
export const STATES: RequestState[] = ['pending', 'approved', 'refused', 'withdrawn']

/** The grounds that each kind has; the server refuses any other. */
export const GROUNDS: Record<Kind, Ground[]> = {
  relief: ['ill', 'on_leave', 'posted', 'left_service', 'suspended', 'certificate_void', 'urgent_duty'],
  avoid: ['interest', 'kinship', 'former_post', 'party_request', 'self_request'],
  replace: ['closed', 'cancelled', 'moved', 'not_found', 'duplicate', 'visit_cap', 'under_case', 'no_team'],
  pass: ['closed', 'cancelled', 'moved', 'not_found', 'duplicate', 'visit_cap', 'under_case'],
}

export function namesPerson(kind: Kind): boolean {
  return kind === 'relief' || kind === 'avoid'
}

export function stateTone(state: RequestState): Tone {
  const tones: Record<RequestState, Tone> = { pending: 'wait', approved: 'good', refused: 'bad', withdrawn: 'idle' }
  return tones[state]
}

/** Which text tells a row: where nobody comes, it says so. */
export function followedKey(row: Followed): string {
  return row.kind === 'relief' && !row.comes_name ? 'relief_none' : row.kind
}

/** A random UUID (version 4), also where the page is not served over TLS. */
export function freshId(): string {
  const b = crypto.getRandomValues(new Uint8Array(16))
  b[6] = (b[6]! & 0x0f) | 0x40
  b[8] = (b[8]! & 0x3f) | 0x80
  const hex = [...b].map((n) => n.toString(16).padStart(2, '0')).join('')
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-')
}

/** What a request is about, once somebody has chosen it. */
export interface Subject {
  object: string
  object_name: string
  people: { id: string; name: string; unit: string }[]
}

const at = (id: string) => ({ params: { path: { id } } })

export const readSubstitutions = (query: { q?: string; draw?: string; object?: string; state?: RequestState; offset?: number; limit?: number }) =>
  answer(api.GET('/api/substitutions', { params: { query: { limit: 200, ...query } } }))
export const ask = (draw: string, body: Schemas['SubstitutionInput']) =>
  answer(api.POST('/api/draws/{id}/substitutions', { ...at(draw), body }))
export const approve = (id: string) => answer(api.POST('/api/substitutions/{id}/approve', at(id)))
export const refuse = (id: string, reason: string) => answer(api.POST('/api/substitutions/{id}/refuse', { ...at(id), body: { reason } }))
export const withdraw = (id: string) => answer(api.POST('/api/substitutions/{id}/withdraw', at(id)))
export const findStanding = async (draw: string, q: string) =>
  (await answer(api.GET('/api/draws/{id}/standing', { params: { path: { id: draw }, query: { q, limit: 20 } } }))).rows
export const nextReserves = async (draw: string) => (await answer(api.GET('/api/draws/{id}/reserves', at(draw)))).rows

export async function uploadEvidence(file: File, progress: (share: number) => void): Promise<Evidence> {
  return (await sendFile('POST', `/api/evidence?name=${encodeURIComponent(file.name)}`, file, progress)) as Evidence
}
