import { type Schemas, answer, api } from '@/api/client'

export type ItemRow = Schemas['ItemRow']
export type ItemView = Schemas['ItemView']
export type CheckPoint = Schemas['CheckPoint']

export const readItem = (id: string) => answer(api.GET('/api/items/{id}', { params: { path: { id } } }))
