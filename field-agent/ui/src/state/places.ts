import type { RouteLocationRaw } from 'vue-router'
import type { Missing, Step } from '../api/types'

/** The steps of a record that have a screen of their own, in the order of the left rail. */
export const steps: Step[] = ['arrival', 'points', 'evidence', 'result', 'opinion', 'sign_off']

const stepOf: Record<string, Step> = {
  visit: 'arrival',
  point: 'points',
  photo: 'evidence',
  clip: 'evidence',
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
  const step = path === 'visit/end_at' ? 'opinion' : (stepOf[path.split('/')[0] ?? ''] ?? 'arrival')
  return placeOfStep(task, step, path)
}

/** Where a check point (`item/point`) is on screen. */
export function placeOfPoint(task: string, point: string): RouteLocationRaw {
  return placeOfStep(task, 'points', `point/${point}`)
}

/** Where what is missing can be filled in. */
export function placeOfMissing(task: string, row: Missing): RouteLocationRaw {
  const { step, item, point, path } = row.place
  if (item && point) {
    const field = row.code === 'photo_missing' ? 'photo' : (path?.split('/')[3] ?? 'answer')
    return placeOfStep(task, 'points', `point/${item}/${point}/${field}`)
  }
  return placeOfStep(task, step, path ?? item ?? undefined)
}

/** The place on a screen that a path leads to: its id, and the path for going back there. */
export function anchor(path: string): { id: string; 'data-at': string } {
  return { id: anchorId(path), 'data-at': path }
}

/** The id of the place on a screen that a path leads to. */
export function anchorId(path: string): string {
  return `at-${path.replaceAll('/', '-')}`
}

const FOUND_MS = 2400
const SETTLE_FRAMES = 12
const inputs =
  'input:not(:disabled), textarea:not(:disabled), button:not(:disabled):not([tabindex="-1"]), a[href]'

/** Brings the place into view that a path leads to, or the nearest one that the screen has, and begins there. */
export function showPlace(path: string): boolean {
  for (let at = path; at; at = at.slice(0, Math.max(0, at.lastIndexOf('/')))) {
    const target = document.getElementById(anchorId(at))
    if (!target) continue
    begin(target)
    return true
  }
  return false
}

function begin(target: HTMLElement) {
  const field = target.matches(inputs) ? target : target.querySelector<HTMLElement>(inputs)
  const card = target.closest<HTMLElement>('.point')
  // The question belongs to its answer: the whole card, if the screen holds it.
  const whole = card && card.offsetHeight < window.innerHeight * 0.7 ? card : target
  // Cards out of sight are measured only when they come near, and then move the place: until it stays.
  const settle = (frames: number) => {
    const before = whole.getBoundingClientRect().top
    whole.scrollIntoView({ block: 'start' })
    const still = Math.abs(whole.getBoundingClientRect().top - before) < 1
    if (frames > 0 && !(still && frames < SETTLE_FRAMES - 2)) requestAnimationFrame(() => settle(frames - 1))
  }
  settle(SETTLE_FRAMES)
  field?.focus({ preventScroll: true })
  for (const other of document.querySelectorAll('.found')) other.classList.remove('found')
  target.classList.add('found')
  window.setTimeout(() => target.classList.remove('found'), FOUND_MS)
}
