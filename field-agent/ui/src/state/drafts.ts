import { ref, watch, type Ref } from 'vue'
import { answer, api } from '../api/client'

/**
 * What is typed and not saved yet. Each stroke goes to the agent at once, which keeps it in the
 * encrypted store: the system may kill the browser behind the camera, and nothing readable may lie in
 * the browser's own storage.
 */
let owner = ''
let seq = 0
const held = new Map<string, string>()
/** When a draft that was found at the beginning was typed, ms. */
const typedAt = new Map<string, number>()

/** Bytes that a browser lets a page send that is going away. */
const KEEPALIVE_BYTES = 30_000

/** What the page before this one sent as its last may still be on its way. */
const LAST_WORDS_MS = 150
const AHEAD = 1000

function reloaded(): boolean {
  return performance.getEntriesByType('navigation').some((entry) => (entry as PerformanceNavigationTiming).type === 'reload')
}

const key = (task: string, place: string) => `${task} ${place}`

/** Fetches the drafts of who has unlocked, once; nobody sees another's. */
export async function loadDrafts(person: string): Promise<void> {
  if (owner === person) return
  if (reloaded()) await new Promise((done) => window.setTimeout(done, LAST_WORDS_MS))
  const list = await answer(api.GET('/api/drafts'))
  owner = person
  seq = list.seq + AHEAD
  held.clear()
  typedAt.clear()
  for (const row of list.rows) {
    held.set(key(row.task, row.place), row.text)
    typedAt.set(key(row.task, row.place), row.at)
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
  /** When it was typed, ms. */
  at: number
}

/** Drafts of cells of a task that were there at the beginning. */
export function draftsOfCells(task: string): Found[] {
  const start = key(task, 'cell/')
  return [...held].flatMap(([name, text]) => {
    const at = typedAt.get(name)
    return name.startsWith(start) && at !== undefined ? [{ path: name.slice(start.length), text, at }] : []
  })
}

/** Keeps a draft; `undefined` forgets it. */
export function keepDraft(task: string, place: string, text: string | undefined) {
  const name = key(task, place)
  if (!owner || held.get(name) === text) return
  if (text === undefined) held.delete(name)
  else held.set(name, text)
  seq += 1
  const body = JSON.stringify({ task, place, text, seq })
  const request = { method: 'PUT', headers: { 'content-type': 'application/json' }, body }
  const keepalive = body.length < KEEPALIVE_BYTES
  void fetch('/api/drafts', { ...request, keepalive })
    // More is on its way than the browser takes with `keepalive`: without it, then.
    .catch(() => fetch('/api/drafts', request))
    .catch(() => undefined)
}

/** The cell is saved with this text, which the agent knows. */
export function draftSaved(task: string, place: string, text: string) {
  const name = key(task, place)
  if (held.get(name) === text) held.delete(name)
}

/** A field that is no cell of the record: what is typed in it is there again after a reload. */
export function useDraft(task: string, place: string, initial = ''): Ref<string> & { forget: () => void } {
  const text = ref(draftOf(task, place) ?? initial)
  watch(text, (now) => keepDraft(task, place, now === initial ? undefined : now), { flush: 'sync' })
  return Object.assign(text, { forget: () => keepDraft(task, place, undefined) })
}
