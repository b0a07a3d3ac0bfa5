import { type Schemas, answer, api } from '@/api/client'

export type DrawView = Schemas['DrawView']
export type DrawState = DrawView['state']
export type FrameView = NonNullable<DrawView['frame']>
export type WitnessView = DrawView['witnesses'][number]
export type ResultRow = NonNullable<DrawView['result']>[number]

const at = (id: string) => ({ params: { path: { id } } })

export const createDraw = (body: Schemas['DrawInput']) => answer(api.POST('/api/draws', { body }))
export const readDraw = (id: string) => answer(api.GET('/api/draws/{id}', at(id)))
export const checkFrame = (id: string) => answer(api.POST('/api/draws/{id}/check', at(id)))
export const commit = (id: string) => answer(api.POST('/api/draws/{id}/commit', at(id)))
export const addWitness = (id: string, name: string, committed: string) =>
  answer(api.POST('/api/draws/{id}/witnesses', { ...at(id), body: { name, committed } }))
export const closeWitnesses = (id: string) => answer(api.POST('/api/draws/{id}/close', at(id)))
export const reveal = (id: string, name: string, value: string) =>
  answer(api.POST('/api/draws/{id}/reveal', { ...at(id), body: { name, value } }))
export const withhold = (id: string, name: string) =>
  answer(api.POST('/api/draws/{id}/withhold', { ...at(id), body: { name } }))
export const rollDice = (id: string, rolls: number[]) =>
  answer(api.POST('/api/draws/{id}/dice', { ...at(id), body: { rolls } }))
export const dispatch = (id: string) => answer(api.POST('/api/draws/{id}/dispatch', at(id)))
export const voidDraw = (id: string, reason: string) =>
  answer(api.POST('/api/draws/{id}/void', { ...at(id), body: { reason } }))
export const candidates = (id: string, objects: string[]) =>
  answer(api.GET('/api/draws/{id}/candidates', { params: { path: { id }, query: { objects: objects.join(',') } } }))
export const nameTeams = (id: string, body: Schemas['TeamInput']) => answer(api.PUT('/api/draws/{id}/teams', { ...at(id), body }))
