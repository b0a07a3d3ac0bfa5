import type { Schemas } from '@/api/client'
import type { Tone } from '@/ui/StatusMark.vue'

export type TaskState = Schemas['TaskState']

/** In the order of the work. */
export const TASK_STATES: TaskState[] = ['dispatched', 'sealed', 'returned', 'accepted', 'withdrawn']

export function taskTone(state: TaskState): Tone {
  const tones: Record<TaskState, Tone> = { dispatched: 'wait', sealed: 'info', returned: 'warn', accepted: 'good', withdrawn: 'idle' }
  return tones[state]
}
