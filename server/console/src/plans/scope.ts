import type { Schemas } from '@/api/client'

type Scope = Schemas['PlanScope']

/** The scope in words: which districts, industries, words in the name. */
export function scopeText(scope: Scope, district: (code: string) => string, t: (key: string) => string): string {
  const parts = [(scope.districts ?? []).map(district).join('、'), (scope.industries ?? []).join('、'), (scope.tags ?? []).join('、'), scope.q ? `“${scope.q}”` : '']
  return parts.filter(Boolean).join('；') || t('plans.scopeAll')
}
