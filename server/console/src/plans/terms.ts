import type { Tone } from '@/ui/StatusMark.vue'
import type { PlanDepartment, PlanState } from './api'

export function planTone(state: PlanState): Tone {
  return { draft: 'idle', submitted: 'wait', returned: 'warn', approved: 'info', locked: 'good' }[state as string] as Tone
}

export function departmentTone(state: PlanDepartment['state']): Tone {
  return { leads: 'info', asked: 'wait', agreed: 'good', declined: 'bad' }[state as string] as Tone
}
