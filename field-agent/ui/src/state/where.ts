import { draftOf, keepDraft } from './drafts'

/** A place older than this is yesterday's. */
const FRESH_MS = 30 * 60_000

/** Where somebody is, for when the browser is killed and opened again at its start. */
export function rememberPlace(path: string) {
  keepDraft('', 'where', JSON.stringify({ path, at: Date.now() }))
}

/** Where somebody was shortly ago. */
export function recentPlace(): string | undefined {
  try {
    const { path, at } = JSON.parse(draftOf('', 'where') ?? '{}') as { path?: unknown; at?: unknown }
    const recent = typeof at === 'number' && Math.abs(Date.now() - at) < FRESH_MS
    return recent && typeof path === 'string' && path.startsWith('/tasks/') ? path : undefined
  } catch {
    return undefined
  }
}
