import type { RouteLocationRaw } from 'vue-router'
import { answer, api } from '@/api/client'
import { type Right, session } from '@/session/session'
import type { TaskState } from '@/tasks/terms'

export interface Waiting {
  key: string
  n: number
  to: RouteLocationRaw
}

/** What can wait for somebody: who may do it, how many there are, where it is done. */
const kinds: { key: string; right: Right; n: () => Promise<{ total: number }>; to: RouteLocationRaw }[] = [
  {
    key: 'plans_to_approve',
    right: 'approve_plans',
    n: () => answer(api.GET('/api/plans', { params: { query: { state: 'submitted', limit: 1 } } })),
    to: { name: 'plans', query: { state: 'submitted' } },
  },
  {
    key: 'draws_to_dispatch',
    right: 'dispatch',
    n: () => answer(api.GET('/api/draws', { params: { query: { state: 'drawn', limit: 1 } } })),
    to: { name: 'draws', query: { state: 'drawn' } },
  },
  {
    key: 'substitutions_to_approve',
    right: 'approve_substitution',
    n: () => answer(api.GET('/api/substitutions', { params: { query: { state: 'pending', limit: 1 } } })),
    to: { name: 'substitutions', query: { state: 'pending' } },
  },
  {
    key: 'notices_to_issue',
    right: 'issue_notices',
    n: () => answer(api.GET('/api/notices', { params: { query: { state: 'asked', limit: 1 } } })),
    to: { name: 'notices', query: { state: 'asked' } },
  },
  {
    key: 'records_to_review',
    right: 'review_records',
    n: () => answer(api.GET('/api/review', { params: { query: { state: 'to_review', limit: 1 } } })),
    to: { name: 'review' },
  },
  {
    key: 'results_to_publish',
    right: 'publish',
    n: () => answer(api.GET('/api/publications', { params: { query: { state: 'due', limit: 1 } } })),
    to: { name: 'publication' },
  },
  {
    key: 'quarantined',
    right: 'release_quarantine',
    n: () => answer(api.GET('/api/quarantine', { params: { query: { state: 'held', limit: 1 } } })),
    to: { name: 'quarantine' },
  },
]

export async function whatWaits(): Promise<Waiting[]> {
  const mine = kinds.filter((k) => session.may(k.right))
  const found = await Promise.all(mine.map(async (k) => ({ key: k.key, n: (await k.n()).total, to: k.to })))
  return found.filter((w) => w.n > 0)
}

export interface Standing {
  objects: number
  inspectors: number
  items: number
}

export async function standing(): Promise<Standing> {
  const query = { limit: 1 }
  const [objects, inspectors, items] = await Promise.all([
    answer(api.GET('/api/objects', { params: { query } })),
    answer(api.GET('/api/inspectors', { params: { query } })),
    answer(api.GET('/api/items', { params: { query } })),
  ])
  return { objects: objects.total, inspectors: inspectors.total, items: items.total }
}

/** How many tasks are in each state, in the order of the work. */
export async function progress(states: TaskState[]): Promise<number[]> {
  return Promise.all(
    states.map(async (state) => (await answer(api.GET('/api/tasks', { params: { query: { state, limit: 1 } } }))).total),
  )
}
