import type { Tone } from '@/ui/StatusMark.vue'
import type { DrawState, VoidGround } from './api'

const order: Record<DrawState, number> = {
  defined: 0,
  checked: 1,
  committed: 2,
  closed: 3,
  revealed: 3,
  drawn: 4,
  dispatched: 5,
  void: 5,
}

/** Which of the five steps is under way, from 0; 5 when all are done. */
export function stepOf(state: DrawState): number {
  return order[state]
}

export function toneOf(state: DrawState): Tone {
  if (state === 'void') return 'bad'
  if (state === 'drawn' || state === 'dispatched') return 'good'
  return state === 'defined' ? 'idle' : 'info'
}

/** Legal grounds on which a draw may become void after its seed, in the order of the form. */
export const GROUNDS: VoidGround[] = [
  'officer_should_avoid',
  'procedure_breached',
  'pools_wrong',
  'item_revoked',
  'plan_revoked',
  'ordered',
  'force_majeure',
]
