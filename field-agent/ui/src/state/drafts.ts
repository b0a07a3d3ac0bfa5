import { ref, watch } from 'vue'
import { answer, api, outliving } from '../api/client'

/**
 * What is typed and not saved yet. Each stroke goes to the agent at once, which keeps it in the
 * encrypted store: the system may kill the browser behind the camera, and nothing readable may lie in
 * the browser's own storage.
 */
let owner = ''
let seq = 0
const held = new Map<string, string>()
/** Drafts that were found at the beginning. */
const found = new Set<string>()

/** What the page before this one sent as its last may still be on its way. */
const LAST_WORDS_MS = 150
const AHEAD = 1000

function reloaded(): boolean {
  return performance.getEntriesByType('navigation').some((entry) => (entry as PerformanceNavigationTiming).type === 'reload')
}

const key = (task: string, place: string) => `${task} ${place}`

/** Where it is kept what stood in a place before somebody typed there. */
const before = (place: string) => `before/${place}`

/** Fetches the drafts of who has unlocked, once; nobody sees another's. */
export async function loadDrafts(person: string): Promise<void> {
  if (owner === person) return
  if (reloaded()) await new Promise((done) => window.setTimeout(done, LAST_WORDS_MS))
  const list = await answer(api.GET('/api/drafts'))
  owner = person
  seq = list.seq + AHEAD
  held.clear()
  found.clear()
  for (const { task, place, text } of list.rows) {
    held.set(key(task, place), text)
    found.add(key(task, place))
  }
  for (const { task, place } of list.rows) {
    if (place.startsWith(before('')) && !held.has(key(task, place.slice(before('').length)))) keepDraft(task, place, undefined)
  }
}

/** The tablet was locked: the next person begins afresh. */
export function forgetDrafts() {
  owner = ''
  held.clear()
}

export function draftOf(task: string, place: string): string | undefined {
  return held.get(key(task, place))
}

export interface Found {
  /** Path of the cell. */
  path: string
  text: string
  /** What stood there before, as the page told `keepTyped`. */
  stood: string | undefined
}

/** Drafts of cells of a task that were there at the beginning. */
export function draftsOfCells(task: string): Found[] {
  const start = key(task, 'cell/')
  return [...held].flatMap(([name, text]) => {
    if (!name.startsWith(start) || !found.has(name)) return []
    const path = name.slice(start.length)
    return [{ path, text, stood: draftOf(task, before(`cell/${path}`)) }]
  })
}

/**
 * Keeps what is typed in a place, and what stood there when the typing began: only so can be told, without
 * any clock, whether somebody else wrote there since.
 */
export function keepTyped(task: string, place: string, text: string, stood: () => string) {
  if (draftOf(task, place) === undefined) keepDraft(task, before(place), stood())
  keepDraft(task, place, text)
}

/** Keeps a draft; `undefined` forgets it. */
export function keepDraft(task: string, place: string, text: string | undefined) {
  const name = key(task, place)
  if (!owner || held.get(name) === text) return
  if (text === undefined) held.delete(name)
  else held.set(name, text)
  seq += 1
  const body = JSON.stringify({ task, place, text, seq })
  outliving('/api/drafts', 'PUT', body).catch(() => undefined)
}

/** The cell is saved with this text, which the agent knows. */
export function draftSaved(task: string, place: string, text: string) {
  const name = key(task, place)
  if (held.get(name) === text) held.delete(name)
}

/** A field that is no cell of the record: what is typed in it is there again after a reload. */
export function useDraft(task: string, place: string, initial = '') {
  const text = ref(draftOf(task, place) ?? initial)
  const forget = () => keepDraft(task, place, undefined)
  watch(text, (now) => keepDraft(task, place, now === initial ? undefined : now), { flush: 'sync' })
  return Object.assign(text, { forget })
}
