import { Refusal, Unreachable } from '../api/client'
import type { SyncStatus } from '../api/types'
import { i18n } from '../i18n'
import type { Messages } from '../i18n/zh'

/** The agent speaks Chinese; other languages go by the codes. */
export const agentSpeaks = () => i18n.global.locale.value === 'zh-CN'

/** What went wrong, in words for people. */
export function inWords(cause: unknown): string {
  const { t } = i18n.global
  if (cause instanceof Refusal) {
    const { code, detail, status, fields } = cause.problem
    if (agentSpeaks() && !detail) return t('error.refused', { status })
    return refusal(code === 'bad_cell' ? (fields?.[0]?.code ?? code) : code, detail)
  }
  if (cause instanceof Unreachable) return t('error.away')
  return t('error.unknown')
}

/** The text of a refusal, if there is one for this code. */
const known = (group: string, code: string) => {
  const { t, te } = i18n.global
  return te(`${group}.${code}`) ? t(`${group}.${code}`) : undefined
}

/** A refusal by its code, or that of its field, in other languages than the agent's; nothing where it has no words. */
export const byCode = (code: string) => known('problem', code) ?? known('fault.cell', code)

/** The families of faults whose code stands beside their text. */
export type FaultFamily = keyof Messages['fault']

/** A fault by its code, in other languages than the agent's; nothing where it has none, as from an older program. */
export const faultWords = (family: FaultFamily, code: string | null | undefined) =>
  code ? (known(`fault.${family}`, code) ?? byCode(code)) : undefined

/** A refusal where no more than a line of text can be shown. */
export function refusal(code: string, detail: string): string {
  return agentSpeaks() && detail ? detail : (byCode(code) ?? i18n.global.t('problem.other', { code }))
}

/** The task is not on this tablet, or not of this inspector: to ask again does not help. */
export const isElsewhere = (cause: unknown) => cause instanceof Refusal && cause.problem.code === 'no_such_task'

/** Why the last sync or transfer did not succeed. */
export function syncFault(error: NonNullable<SyncStatus['last_error']>): string {
  if (agentSpeaks()) return error.text
  return known('syncFault', error.code) ?? byCode(error.code) ?? i18n.global.t('syncFault.other', { code: error.code })
}

/** Codes that all mean: this is no content of a record. */
const OUT_OF_FORM = ['bad_cell', 'bad_sequence', 'exhausted', 'malformed', 'not_allowed', 'too_large', 'would_break']

/**
 * Why something that another tablet handed over was not taken in, and what to do, in other languages than
 * the agent's; nothing where this program does not know the code.
 */
export function keptOut(code: string): string | undefined {
  if (code.startsWith('office:')) return known('nearby.kept', 'office')
  return known('nearby.kept', OUT_OF_FORM.includes(code) ? 'form' : code)
}
