import type { Tone } from '@/ui/StatusMark.vue'
import type { ReviewRow, Signature } from './api'

export function stateTone(state: ReviewRow['state']): Tone {
  return { arriving: 'wait', to_review: 'info', returned: 'warn', accepted: 'good' }[state] as Tone
}

export function signatureTone(state: Signature['state']): Tone {
  return { valid: 'good', superseded: 'warn', invalid: 'bad', missing: 'wait' }[state] as Tone
}

export function answerTone(answer: string): Tone {
  if (answer === 'compliant') return 'good'
  if (answer === 'non_compliant') return 'bad'
  return answer ? 'info' : 'wait'
}
