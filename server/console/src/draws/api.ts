import { type Schemas, answer, api, sendFile } from '@/api/client'

export type DrawView = Schemas['DrawView']
export type DrawState = DrawView['state']
export type FrameView = NonNullable<DrawView['frame']>
export type WitnessView = DrawView['witnesses'][number]
export type Capacity = WitnessView['capacity']
export type RollView = DrawView['thrown'][number]
export type ResultRow = NonNullable<DrawView['result']>[number]
export type Slip = Schemas['Slip']
export type Attachment = Schemas['Attachment']
export type Minutes = Schemas['Minutes']
export type VoidGround = Schemas['VoidGround']

const at = (id: string) => ({ params: { path: { id } } })

export const createDraw = (body: Schemas['DrawInput']) => answer(api.POST('/api/draws', { body }))
export const readDraw = (id: string) => answer(api.GET('/api/draws/{id}', at(id)))
export const checkFrame = (id: string) => answer(api.POST('/api/draws/{id}/check', at(id)))
export const commit = (id: string) => answer(api.POST('/api/draws/{id}/commit', at(id)))
export const addWitness = (id: string, name: string, capacity: Capacity) =>
  answer(api.POST('/api/draws/{id}/witnesses', { ...at(id), body: { name, capacity } }))
export const handIn = (id: string, name: string, committed: string) =>
  answer(api.POST('/api/draws/{id}/hand-in', { ...at(id), body: { name, committed } }))
export const readSlips = (id: string) => answer(api.GET('/api/draws/{id}/slips', at(id)))
export const closeWitnesses = (id: string) => answer(api.POST('/api/draws/{id}/close', at(id)))
export const reveal = (id: string, name: string, value: string) =>
  answer(api.POST('/api/draws/{id}/reveal', { ...at(id), body: { name, value } }))
export const withhold = (id: string, name: string) =>
  answer(api.POST('/api/draws/{id}/withhold', { ...at(id), body: { name } }))
export const keepRoll = (id: string, roll: number, value: number) =>
  answer(api.POST('/api/draws/{id}/rolls', { ...at(id), body: { roll, value } }))
export const correctRoll = (id: string, roll: number, value: number, reason: string) =>
  answer(api.POST('/api/draws/{id}/rolls/correct', { ...at(id), body: { roll, value, reason } }))
export const giveDrand = (id: string, text: string) =>
  answer(api.POST('/api/draws/{id}/drand', { ...at(id), body: { text } }))
export const fetchDrand = (id: string) => answer(api.POST('/api/draws/{id}/drand/fetch', at(id)))
export const dispatch = (id: string) => answer(api.POST('/api/draws/{id}/dispatch', at(id)))
export const voidDraw = (id: string, reason: string, ground?: VoidGround) =>
  answer(api.POST('/api/draws/{id}/void', { ...at(id), body: { reason, ground } }))
export const decideVoid = (id: string, approve: boolean, remark: string) =>
  answer(api.POST('/api/draws/{id}/void/decide', { ...at(id), body: { approve, remark } }))
export const readMinutes = (id: string) => answer(api.GET('/api/draws/{id}/minutes', at(id)))
export const writeMinutes = (id: string, body: Minutes) => answer(api.PUT('/api/draws/{id}/minutes', { ...at(id), body }))
export const readAttachments = (id: string) => answer(api.GET('/api/draws/{id}/attachments', at(id)))
export const noteAttachment = (id: string, body: Schemas['HashOnly']) =>
  answer(api.POST('/api/draws/{id}/attachments', { ...at(id), body }))
export const attach = (id: string, file: File, note: string, progress: (share: number) => void) =>
  sendFile('PUT', `/api/draws/${id}/attachments?${new URLSearchParams({ name: file.name, note })}`, file, progress)
export const candidates = (id: string, objects: string[]) =>
  answer(api.POST('/api/draws/{id}/candidates', { ...at(id), body: { objects } }))
export const nameTeams = (id: string, body: Schemas['TeamInput']) => answer(api.PUT('/api/draws/{id}/teams', { ...at(id), body }))
