import type { Tone } from '@/ui/StatusMark.vue'

/** Internal credit risk classes: they steer ratios and never become public. */
export const RISKS = ['A', 'B', 'C', 'D']

export const OBJECT_STATES = ['active', 'moved', 'revoked', 'cancelled']

export function objectTone(status: string): Tone {
  return status === 'active' ? 'good' : status === 'moved' ? 'warn' : 'idle'
}

export const INSPECTOR_STATES = ['active', 'on_leave', 'left']

export function inspectorTone(status: string): Tone {
  return status === 'active' ? 'good' : status === 'on_leave' ? 'warn' : 'idle'
}

export const AVOIDANCE_KINDS = ['object', 'legal_person', 'household', 'former_employer']
