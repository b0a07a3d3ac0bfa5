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
