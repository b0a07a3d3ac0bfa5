import type { Tone } from '@/ui/StatusMark.vue'

export function itemTone(status: string): Tone {
  return status === 'active' ? 'good' : status === 'draft' ? 'wait' : 'idle'
}
