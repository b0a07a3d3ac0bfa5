import type { CodeState, TaskCard, TaskState } from '../api/types'
import type { GlyphName } from '../parts/glyphs'
import type { Tone } from '../parts/StatusTag.vue'

/** How the states of a task look; the word comes from the texts. */
export const stateLook: Record<TaskState, { tone: Tone; glyph: GlyphName }> = {
  returned: { tone: 'bad', glyph: 'undo' },
  todo: { tone: 'plain', glyph: 'list' },
  under_way: { tone: 'blue', glyph: 'pen' },
  to_sign: { tone: 'warn', glyph: 'party' },
  sealed: { tone: 'good', glyph: 'seal' },
  accepted: { tone: 'good', glyph: 'check' },
  withdrawn: { tone: 'plain', glyph: 'cross' },
  relieved: { tone: 'plain', glyph: 'undo' },
}

/** Nobody writes in these any more. */
export function isClosed(state: TaskState): boolean {
  return state === 'sealed' || state === 'accepted' || state === 'withdrawn' || state === 'relieved'
}

export interface Deadline {
  key: 'overdue' | 'today' | 'daysLeft'
  n: number
  tone: Tone
}

/** Until when the inspection code has to be entered (X2); nothing when it is there or not due yet. */
export function codeDue(code: CodeState | undefined): Deadline | undefined {
  const left = code?.days_left
  if (left == null) return undefined
  if (left < 0) return { key: 'overdue', n: -left, tone: 'bad' }
  return left === 0 ? { key: 'today', n: 0, tone: 'bad' } : { key: 'daysLeft', n: left, tone: left <= 3 ? 'bad' : 'warn' }
}

/** How the days left are told; nothing is urgent about what is finished. */
export function deadline(card: TaskCard): Deadline | undefined {
  if (isClosed(card.state)) return undefined
  const left = card.days_left
  if (left < 0) return { key: 'overdue', n: -left, tone: 'bad' }
  if (left === 0) return { key: 'today', n: 0, tone: 'bad' }
  return { key: 'daysLeft', n: left, tone: left <= 3 ? 'warn' : 'plain' }
}
