import { type Schemas, answer, api } from '@/api/client'

export type PublicItem = Schemas['PublicItem']
export type Category = Schemas['Category']

/** The nine results of an inspection, in the order of the plan. */
export const CATEGORIES: Category[] = [
  'no_problem',
  'not_published',
  'false_information',
  'unreachable',
  'ordered_to_correct',
  'uncooperative',
  'no_activity',
  'pending',
  'other',
]

const at = (task: string) => ({ params: { path: { task } } })

export const readPreview = (task: string) => answer(api.GET('/api/publications/{task}/preview', at(task)))
export const publish = (task: string) => answer(api.POST('/api/publications/{task}', at(task)))
export const correct = (task: string, reason: string, items: { item: string; results: Category[] }[]) =>
  answer(api.POST('/api/publications/{task}/corrections', { ...at(task), body: { reason, items } }))
