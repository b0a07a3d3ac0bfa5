import { type Schemas, answer, api } from '@/api/client'

export type ObjectView = Schemas['ObjectView']
export type ObjectInput = Schemas['ObjectInput']
export type InspectorView = Schemas['InspectorView']
export type InspectorInput = Schemas['InspectorInput']
export type RowChange = Schemas['RowChange']

const at = (id: string) => ({ params: { path: { id } } })

export const readObject = (id: string) => answer(api.GET('/api/objects/{id}', at(id)))
export const readInspector = (id: string) => answer(api.GET('/api/inspectors/{id}', at(id)))
