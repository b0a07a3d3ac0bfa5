import { Refusal, Unreachable } from '../api/client'
import { i18n } from '../i18n'

/** What went wrong, in words for people. */
export function inWords(cause: unknown): string {
  const { t } = i18n.global
  if (cause instanceof Refusal) return cause.problem.detail || t('error.refused', { status: cause.problem.status })
  if (cause instanceof Unreachable) return t('error.away')
  return t('error.unknown')
}
