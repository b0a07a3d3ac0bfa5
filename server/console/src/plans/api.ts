import { type Schemas, answer, api } from '@/api/client'

export type PlanRow = Schemas['PlanRow']
export type PlanView = Schemas['PlanView']
export type PlanInput = Schemas['PlanInput']
export type PlanCell = PlanView['cells'][number]
export type PlanDepartment = PlanView['departments'][number]
export type PlanState = PlanView['state']

const at = (id: string) => ({ params: { path: { id } } })

export const readPlan = (id: string) => answer(api.GET('/api/plans/{id}', at(id)))
export const createPlan = (body: PlanInput) => answer(api.POST('/api/plans', { body }))
export const changePlan = (id: string, body: PlanInput) => answer(api.PUT('/api/plans/{id}', { ...at(id), body }))
export const countCells = (body: Schemas['CountInput']) => answer(api.POST('/api/plans/count', { body }))
export const submitPlan = (id: string) => answer(api.POST('/api/plans/{id}/submit', at(id)))
export const approvePlan = (id: string) => answer(api.POST('/api/plans/{id}/approve', at(id)))
export const returnPlan = (id: string, reason: string) => answer(api.POST('/api/plans/{id}/return', { ...at(id), body: { reason } }))
export const lockPlan = (id: string) => answer(api.POST('/api/plans/{id}/lock', at(id)))
export const checkObjects = (objects: string[]) => answer(api.POST('/api/plans/objects', { body: { objects } }))
export const planObjects = (id: string) => answer(api.GET('/api/plans/{id}/objects', at(id)))
export const answerPlan = (id: string, department: string, body: Schemas['AnswerInput']) =>
  answer(api.POST('/api/plans/{id}/departments/{department}/answer', { params: { path: { id, department } }, body }))
export const readLimits = () => answer(api.GET('/api/plan-limits'))
export const putLimits = (scope: string, body: Schemas['LimitInput']) => answer(api.PUT('/api/plan-limits/{scope}', { params: { path: { scope } }, body }))
