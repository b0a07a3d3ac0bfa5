import { answer, api } from '../api/client'
import type { SyncStatus } from '../api/types'
import { refreshAgent } from './agent'

const STEP_MS = 400
const PATIENCE_MS = 20_000

const pause = (ms: number) => new Promise((done) => window.setTimeout(done, ms))

/** Asks for a sync now and waits until it has ended, or for as long as a person would look at it. */
export async function syncAndWait(): Promise<SyncStatus | undefined> {
  try {
    let status = await answer(api.POST('/api/sync/now'))
    const until = Date.now() + PATIENCE_MS
    do {
      await pause(STEP_MS)
      status = await answer(api.GET('/api/sync'))
    } while (status.phase === 'running' && Date.now() < until)
    return status
  } catch {
    // The pill and the sync screen tell the state; there is nothing more to say here.
    return undefined
  } finally {
    await refreshAgent()
  }
}
