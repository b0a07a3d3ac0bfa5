import { longDate } from '@/ui/format'
import type { PlanMode } from './draft'

/** What is drawn, with its reason, as facts. */
export function modeFacts(mode: PlanMode, t: (key: string, named?: Record<string, unknown>) => string): { key: string; name: string; value: string }[] {
  const facts = [{ key: 'mode', name: t('plans.mode.title'), value: t(`plans.mode.${mode.kind}.name`) }]
  const say = (key: string, name: string, value: string): number => facts.push({ key, name: t(name), value })
  if (mode.kind === 'census') {
    say('basis', 'plans.mode.basis', mode.basis)
    say('weeks', 'plans.mode.span', t('plans.mode.spanOf', { from: longDate(mode.from), n: mode.weeks }))
  } else if (mode.kind !== 'double') {
    say('reason', 'plans.mode.reason', mode.reason)
    say('review', 'plans.mode.review', longDate(mode.review_by))
  }
  return facts
}
