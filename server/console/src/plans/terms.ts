import type { Tone } from '@/ui/StatusMark.vue'
import type { PlanState } from './api'

export function planTone(state: PlanState): Tone {
  return { draft: 'idle', submitted: 'wait', returned: 'warn', approved: 'info', locked: 'good' }[state as string] as Tone
}
