import type { Choice } from '@/ui/FacetSelect.vue'

/**
 * Choices with how many rows each would leave. Known choices keep their order and names; what only the rows know
 * comes after them.
 */
export function facetOf(counts: { value: string; count: number }[] | undefined, known?: Choice[]): Choice[] {
  const n = new Map((counts ?? []).map((c) => [c.value, c.count]))
  if (!known) return (counts ?? []).filter((c) => c.value).map((c) => ({ value: c.value, label: c.value, n: c.count }))
  return known.map((c) => ({ ...c, n: counts ? (n.get(c.value) ?? 0) : undefined }))
}
