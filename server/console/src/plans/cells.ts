/** A stratum while it is being decided on. */
export interface CellDraft {
  /** Internal class, or empty for objects without one. */
  risk_class: string
  /** Objects in the scope now. */
  objects: number
  by: 'ratio' | 'number'
  percent: number
  number: number
  reserves: number
}

/** Parts per million, as the draw counts. */
export const ppmOf = (percent: number): number => Math.round(percent * 10_000)

/** How many objects are drawn: ⌈N·ppm / 10⁶⌉, or the number, never more than there are. */
export function drawnOf(c: CellDraft): number {
  if (c.by === 'number') return Math.min(c.objects, c.number)
  return Math.ceil((c.objects * ppmOf(c.percent)) / 1_000_000)
}

/** A usual start: the higher the risk, the higher the ratio. */
export const usualPercent: Record<string, number> = { A: 3, B: 10, C: 30, D: 60, '': 5 }

/** Drafts from the cells of a plan as the server has them. */
export function draftsOf(
  cells: { risk_class?: string | null; objects: number; ratio_ppm?: number | null; number?: number | null; reserves: number }[],
): CellDraft[] {
  return cells.map((c) => ({
    risk_class: c.risk_class ?? '',
    objects: c.objects,
    by: c.number == null ? 'ratio' : 'number',
    percent: (c.ratio_ppm ?? 0) / 10_000,
    number: c.number ?? 0,
    reserves: c.reserves,
  }))
}

/** What is sent for one cell. */
export function inputOf(c: CellDraft): { risk_class: string; ratio_ppm: number | null; number: number | null; reserves: number } {
  return {
    risk_class: c.risk_class,
    ratio_ppm: c.by === 'ratio' ? ppmOf(c.percent) : null,
    number: c.by === 'number' ? c.number : null,
    reserves: c.reserves,
  }
}
