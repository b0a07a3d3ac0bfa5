import { Refusal, Unreachable } from '../api/client'
import type { SyncStatus } from '../api/types'
import { i18n } from '../i18n'

/** The agent speaks Chinese; other languages go by the codes. */
const own = () => i18n.global.locale.value !== 'zh-CN'

/** What went wrong, in words for people. */
export function inWords(cause: unknown): string {
  const { t } = i18n.global
  if (cause instanceof Refusal) return refused(cause.problem.code, cause.problem.detail, cause.problem.status)
  if (cause instanceof Unreachable) return t('error.away')
  return t('error.unknown')
}

function refused(code: string, detail: string, status: number): string {
  const { t, te } = i18n.global
  if (!own()) return detail || t('error.refused', { status })
  return te(`problem.${code}`) ? t(`problem.${code}`) : t('problem.other', { code })
}

/** The task is not on this tablet, or not of this inspector: to ask again does not help. */
export const isElsewhere = (cause: unknown) => cause instanceof Refusal && cause.problem.code === 'no_such_task'

/** Why a cell was refused. */
export function cellRefused(reason: string): string {
  return own() ? i18n.global.t('problem.bad_cell') : reason
}

/** Why the last sync or transfer did not succeed. */
export function syncFault(error: NonNullable<SyncStatus['last_error']>): string {
  const { t, te } = i18n.global
  if (!own()) return error.text
  return te(`syncFault.${error.code}`) ? t(`syncFault.${error.code}`) : t('syncFault.other', { code: error.code })
}

/** Why something that another tablet handed over was not taken in, and what to do. */
export function keptOut(code: string, text: string): string {
  const { t, te } = i18n.global
  if (!own()) return text
  const reason = code.startsWith('office:') ? 'office' : code
  return te(`nearby.kept.${reason}`) ? t(`nearby.kept.${reason}`) : t('nearby.kept.other')
}

/** A transfer that failed, told by the agent without a code. */
export function transferFault(text: string): string {
  return own() ? i18n.global.t('syncFault.server_error') : text
}
