import { type Schemas, answer, api } from '@/api/client'
import type { Tone } from '@/ui/StatusMark.vue'

export type NoticeState = Schemas['NoticeState']
export type NoticeRow = Schemas['NoticeRow']
export type NoticeView = Schemas['NoticeView']
export type NoticeContent = Schemas['NoticeContent']

/** In the order of the work. */
export const NOTICE_STATES: NoticeState[] = ['none', 'asked', 'issued', 'refused', 'outdated']

export const listNotices = (query: object) => answer(api.GET('/api/notices', { params: { query } }))
export const readNotice = (task: string) => answer(api.GET('/api/tasks/{task}/notice', { params: { path: { task } } }))
export const askNotices = (body: Schemas['NoticeInput']) => answer(api.POST('/api/notices', { body }))
export const issueNotices = (tasks: string[]) => answer(api.POST('/api/notices/issue', { body: { tasks } }))
export const refuseNotices = (tasks: string[], reason: string) => answer(api.POST('/api/notices/refuse', { body: { tasks, reason } }))

export function noticeTone(state: NoticeState): Tone {
  const tones: Record<NoticeState, Tone> = { none: 'idle', asked: 'wait', issued: 'good', refused: 'bad', outdated: 'warn' }
  return tones[state]
}

/** Whether it can be asked for: a second time only when it was sent back or other people come. */
export const canAsk = (state: NoticeState): boolean => state === 'none' || state === 'refused' || state === 'outdated'
