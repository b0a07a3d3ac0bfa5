import type { RouteLocationRaw } from 'vue-router'
import type { Missing, Step } from '../api/types'

/** The steps of a record that have a screen of their own, in the order of the left rail. */
export const steps: Step[] = ['arrival', 'points', 'evidence', 'result', 'opinion', 'sign_off']

const stepOf: Record<string, Step> = {
  visit: 'arrival',
  point: 'points',
  photo: 'evidence',
  document: 'evidence',
  statement: 'evidence',
  sample: 'evidence',
  cost: 'evidence',
  witness: 'evidence',
  fee: 'result',
  result: 'result',
  handling: 'opinion',
  party: 'opinion',
}

/** Where a step of the record is on screen. */
export function placeOfStep(task: string, step: Step, at?: string): RouteLocationRaw {
  if (step === 'sign_off') return { name: 'ready', params: { task } }
  return { name: 'record', params: { task, step }, query: at ? { at } : {} }
}

/** Where the cell with this path is on screen. */
export function placeOfPath(task: string, path: string): RouteLocationRaw {
  const [kind = '', item, point] = path.split('/')
  const step = stepOf[kind] ?? 'arrival'
  return placeOfStep(task, step, kind === 'point' && item && point ? `${item}/${point}` : path)
}

/** Where what is missing can be filled in. */
export function placeOfMissing(task: string, row: Missing): RouteLocationRaw {
  const { step, item, point, path } = row.place
  if (item && point) return placeOfStep(task, 'points', `${item}/${point}`)
  return placeOfStep(task, step, path ?? item ?? undefined)
}

/** Brings the place into view that a path leads to, or the nearest one that the screen has. */
export function showPlace(path: string): boolean {
  for (let at = path; at; at = at.slice(0, Math.max(0, at.lastIndexOf('/')))) {
    const target = document.getElementById(anchorId(at))
    if (!target) continue
    target.scrollIntoView({ block: 'start' })
    return true
  }
  return false
}

/** The place on a screen that a path leads to. */
export function anchorId(path: string): string {
  return `at-${path.replaceAll('/', '-')}`
}
