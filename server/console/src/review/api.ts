import { type Schemas, answer, api } from '@/api/client'

export type ReviewRow = Schemas['ReviewRow']
export type ReviewView = Schemas['ReviewView']
export type Photo = ReviewView['photos'][number]
export type Clip = ReviewView['clips'][number]
export type Sheet = ReviewView['sheets'][number]
export type Point = Sheet['points'][number]
export type Value = Point['answers'][number]
export type Signature = ReviewView['signatures'][number]
export type Step = ReviewView['history'][number]
export type Remark = { path: string; text: string }

const at = (task: string) => ({ params: { path: { task } } })

export const readReview = (task: string) => answer(api.GET('/api/review/{task}', at(task)))
export const accept = (task: string, heads: string[]) =>
  answer(api.POST('/api/review/{task}/accept', { ...at(task), body: { heads } }))
export const giveBack = (task: string, heads: string[], remarks: Remark[]) =>
  answer(api.POST('/api/review/{task}/return', { ...at(task), body: { heads, remarks } }))
