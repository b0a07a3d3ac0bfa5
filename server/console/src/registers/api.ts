import { type Schemas, answer, api } from '@/api/client'

export type ObjectRow = Schemas['ObjectRow']
export type ObjectView = Schemas['ObjectView']
export type ObjectInput = Schemas['ObjectInput']
export type InspectorRow = Schemas['InspectorRow']
export type InspectorView = Schemas['InspectorView']
export type InspectorInput = Schemas['InspectorInput']
export type AvoidanceRow = Schemas['AvoidanceRow']
export type RowChange = Schemas['RowChange']

const at = (id: string) => ({ params: { path: { id } } })

export const readObject = (id: string) => answer(api.GET('/api/objects/{id}', at(id)))
export const readInspector = (id: string) => answer(api.GET('/api/inspectors/{id}', at(id)))
