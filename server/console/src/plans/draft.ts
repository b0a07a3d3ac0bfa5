import type { Schemas } from '@/api/client'
import { type CellDraft, draftsOf, inputOf } from './cells'

export type Deal = Schemas['Deal']
export type PlanMode = Schemas['PlanMode']
export type ModeKind = PlanMode['kind']

export const MODES: ModeKind[] = ['double', 'objects', 'inspectors', 'census']
export const GROUNDS: Schemas['ExemptionGround'][] = ['complaint', 'referral', 'special_order', 'follow_up', 'high_risk']

/** A department's part while it is written. */
export interface PartDraft {
  department: string
  items: string[]
  team: number
  experts: number
  deal: Deal
}

/** A plan while it is written; the lead is the first part. */
export interface PlanDraft {
  title: string
  from: string
  until: string
  parts: PartDraft[]
  kind: ModeKind
  /** Why not both are drawn, or the law of a census. */
  why: string
  review_by: string
  first_week: string
  weeks: number
  scope: { districts: string[]; industries: string[]; tags: string[]; q: string }
  cells: CellDraft[]
  district_minimum: number
  yearly_draws: number
  exempt: boolean
  ground: Schemas['ExemptionGround']
  note: string
  /** Codes of the objects, one a line, where only inspectors are drawn. */
  objects: string
  reason: string
}

export const partOf = (department: string): PartDraft => ({ department, items: [], team: 2, experts: 0, deal: 'person' })

export function blankDraft(department: string, year: number): PlanDraft {
  return {
    title: '',
    from: `${year}-01-01`,
    until: `${year}-11-30`,
    parts: [partOf(department)],
    kind: 'double',
    why: '',
    review_by: `${year}-12-31`,
    first_week: `${year}-03-02`,
    weeks: 8,
    scope: { districts: [], industries: [], tags: [], q: '' },
    cells: [],
    district_minimum: 0,
    yearly_draws: 2,
    exempt: false,
    ground: 'complaint',
    note: '',
    objects: '',
    reason: '',
  }
}

/** A draft from a plan as the server has it; `objects` are those that it names. */
export function draftOf(p: Schemas['PlanView'], objects: string[]): PlanDraft {
  const blank = blankDraft(p.department, p.year)
  const m = p.mode
  return {
    ...blank,
    title: p.title,
    from: p.from,
    until: p.until,
    parts: p.departments.map((d) => ({
      department: d.department,
      items: p.items.filter((i) => i.department === d.department).map((i) => i.id),
      team: d.team,
      experts: d.experts,
      deal: d.deal,
    })),
    kind: m.kind,
    why: m.kind === 'census' ? m.basis : m.kind === 'double' ? '' : m.reason,
    review_by: 'review_by' in m ? m.review_by : blank.review_by,
    first_week: m.kind === 'census' ? m.from : blank.first_week,
    weeks: m.kind === 'census' ? m.weeks : blank.weeks,
    scope: { districts: p.scope.districts ?? [], industries: p.scope.industries ?? [], tags: p.scope.tags ?? [], q: p.scope.q ?? '' },
    cells: ['double', 'objects'].includes(m.kind) ? draftsOf(p.cells) : [],
    district_minimum: p.district_minimum,
    yearly_draws: p.yearly_draws,
    exempt: p.exemption != null,
    ground: p.exemption?.ground ?? blank.ground,
    note: p.exemption?.note ?? '',
    objects: objects.join('\n'),
    reason: p.reason,
  }
}

export function modeOf(d: PlanDraft): PlanMode {
  const why = d.why.trim()
  if (d.kind === 'double') return { kind: 'double' }
  if (d.kind === 'census') return { kind: 'census', basis: why, from: d.first_week, weeks: d.weeks }
  return { kind: d.kind, reason: why, review_by: d.review_by }
}

/** The first Monday from this day on. */
export function mondayFrom(date: string): string {
  const day = new Date(`${date}T00:00:00Z`)
  day.setUTCDate(day.getUTCDate() + ((8 - day.getUTCDay()) % 7))
  return day.toISOString().slice(0, 10)
}

/** Whether objects are drawn by cells. */
export const draws = (kind: ModeKind): boolean => kind === 'double' || kind === 'objects'

/** Codes as people paste them: one a line, or between commas, semicolons and spaces. */
export const codesOf = (text: string): string[] => text.split(/[\s,，;；、]+/).filter(Boolean)

/** Inspectors for one object, of all departments. */
export const inspectorsOf = (parts: PartDraft[]): number => parts.reduce((n, p) => n + p.team, 0)

/** Whether the plan must say why it goes beyond what is usual: more than 5 departments or 10 inspectors. */
export const unusual = (parts: PartDraft[]): boolean => parts.length > 5 || inspectorsOf(parts) > 10

export function bodyOf(d: PlanDraft): Schemas['PlanInput'] {
  const [lead, ...responding] = d.parts as [PartDraft, ...PartDraft[]]
  return {
    title: d.title.trim(),
    department: lead.department,
    items: lead.items,
    from: d.from,
    until: d.until,
    team: lead.team,
    experts: lead.experts,
    deal: lead.deal,
    responding,
    mode: modeOf(d),
    scope: d.scope,
    cells: draws(d.kind) ? d.cells.map(inputOf) : [],
    district_minimum: draws(d.kind) ? d.district_minimum : 0,
    yearly_draws: d.yearly_draws,
    exemption: d.exempt ? { ground: d.ground, note: d.note.trim() } : null,
    objects: d.kind === 'inspectors' ? codesOf(d.objects) : [],
    reason: d.reason.trim(),
  }
}
