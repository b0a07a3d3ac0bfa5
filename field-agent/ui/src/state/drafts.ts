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

/** Bytes that a browser lets a page send that is going away. */
const KEEPALIVE_BYTES = 30_000

const key = (task: string, place: string) => `${task} ${place}`

/** Fetches the drafts of who has unlocked, once; nobody sees another's. */
export async function loadDrafts(person: string): Promise<void> {
  if (owner === person) return
  const list = await answer(api.GET('/api/drafts'))
  owner = person
  seq = list.seq
  held.clear()
  for (const row of list.rows) held.set(key(row.task, row.place), row.text)
}

/** The tablet was locked: the next person begins afresh. */
export function forgetDrafts() {
  owner = ''
  held.clear()
}

export function draftOf(task: string, place: string): string | undefined {
  return held.get(key(task, place))
}

/** Drafts of a task whose place begins with `prefix`, by the rest of the place. */
export function draftsBelow(task: string, prefix: string): [string, string][] {
  const start = key(task, prefix)
  return [...held].filter(([name]) => name.startsWith(start)).map(([name, text]) => [name.slice(start.length), text])
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
