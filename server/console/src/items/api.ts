import { type Schemas, answer, api } from '@/api/client'

export type ItemRow = Schemas['ItemRow']
export type ItemView = Schemas['ItemView']
export type CheckPoint = Schemas['CheckPoint']

export const readItem = (id: string) => answer(api.GET('/api/items/{id}', { params: { path: { id } } }))
export const setItemStatus = (id: string, status: string, reason: string) =>
  answer(api.PUT('/api/items/{id}/status', { params: { path: { id } }, body: { status, reason } }))
export const putItem = (body: Schemas['ItemInput']) => answer(api.POST('/api/items', { body }))
