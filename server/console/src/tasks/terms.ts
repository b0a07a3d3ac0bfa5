import type { Tone } from '@/ui/StatusMark.vue'

export const TASK_STATES = ['dispatched', 'under_way', 'sealed', 'returned', 'accepted', 'published', 'withdrawn']

export function taskTone(state: string): Tone {
  const tones: Record<string, Tone> = { dispatched: 'wait', under_way: 'info', sealed: 'info', returned: 'warn', accepted: 'good', published: 'good' }
  return tones[state] ?? 'idle'
}
