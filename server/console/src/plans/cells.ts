import type { Schemas } from '@/api/client'

/** What an object must be to belong to a cell; nothing filled: all the rest. */
export interface Conditions {
  /** Internal classes; an empty text is: not graded. */
  risk_classes: string[]
  districts: string[]
  industries: string[]
  /** All of these. */
  tags: string[]
}

/** A stratum while it is being decided on. */
export interface CellDraft extends Conditions {
  /** Objects that fall into it now. */
  objects: number
  by: 'ratio' | 'number'
  percent: number
  number: number
  reserves: number
}

type CellInput = Schemas['PlanCellInput']

/** Parts per million, as the draw counts. */
export const ppmOf = (percent: number): number => Math.round(percent * 10_000)

/** How many objects are drawn: ⌈N·ppm / 10⁶⌉, or the number, never more than there are. */
export function drawnOf(c: CellDraft): number {
  if (c.by === 'number') return Math.min(c.objects, c.number)
  return Math.ceil((c.objects * ppmOf(c.percent)) / 1_000_000)
}

/** A usual start: the higher the risk, the higher the ratio. */
export const usualPercent: Record<string, number> = { A: 3, B: 10, C: 30, D: 60, '': 5 }

/** A new cell with these conditions. */
export function cellOf(over: Partial<CellDraft> = {}): CellDraft {
  return { risk_classes: [], districts: [], industries: [], tags: [], objects: 0, by: 'ratio', percent: 5, number: 0, reserves: 5, ...over }
}

/** One cell for each risk class, with the usual ratios. */
export function byRisk(classes: { risk_class: string; objects: number }[]): CellDraft[] {
  return classes.map(({ risk_class, objects }) => cellOf({ risk_classes: [risk_class], objects, percent: usualPercent[risk_class] ?? 5 }))
}

/** Drafts from the cells of a plan as the server has them. */
export function draftsOf(cells: (Partial<Conditions> & { objects: number; ratio_ppm?: number | null; number?: number | null; reserves: number })[]): CellDraft[] {
  return cells.map((c) => ({
    risk_classes: [...(c.risk_classes ?? [])],
    districts: [...(c.districts ?? [])],
    industries: [...(c.industries ?? [])],
    tags: [...(c.tags ?? [])],
    objects: c.objects,
    by: c.number == null ? 'ratio' : 'number',
    percent: (c.ratio_ppm ?? 0) / 10_000,
    number: c.number ?? 0,
    reserves: c.reserves,
  }))
}

/** What is sent for one cell. */
export function inputOf(c: CellDraft): CellInput {
  return {
    risk_classes: c.risk_classes,
    districts: c.districts,
    industries: c.industries,
    tags: c.tags,
    ratio_ppm: c.by === 'ratio' ? ppmOf(c.percent) : null,
    number: c.by === 'number' ? c.number : null,
    reserves: c.reserves,
  }
}

export const isRest = (c: Conditions): boolean => !c.risk_classes.length && !c.districts.length && !c.industries.length && !c.tags.length

/**
 * Which cells have a public name: those that rest on districts and industries alone, as do all before them.
 * The server decides; this shows it while one writes.
 */
export function publicOf(cells: Conditions[]): boolean[] {
  let internal = false
  return cells.map((c) => {
    internal ||= c.risk_classes.length > 0 || c.tags.length > 0
    return !internal
  })
}

/** `F52 零售业` without its code. */
export const industryName = (industry: string): string => industry.replace(/^[A-Z]\d*\s+/, '')

/** The conditions in words; `alone`: it is the only cell. */
export function conditionText(c: Conditions, district: (code: string) => string, t: (key: string, named?: Record<string, unknown>) => string, alone = false): string {
  const risk = c.risk_classes.map((r) => (r ? t('registers.riskOf', { r }) : t('plans.cell.none')))
  const parts = [risk.join('、'), c.districts.map(district).join('、'), c.industries.map(industryName).join('、'), c.tags.length ? t('plans.cell.tagged', { tags: c.tags.join('＋') }) : '']
  return parts.filter(Boolean).join('，') || t(alone ? 'plans.cell.all' : 'plans.cell.rest')
}
