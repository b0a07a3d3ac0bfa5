import { refusal, Unreachable } from './client'
import type { ClipKind, ClipView } from './types'

/** What is told of a clip when it is handed in. */
export interface ClipFacts {
  kind: ClipKind
  caption: string
  /** `item/point`, or empty. */
  point: string
  durationMs?: number
  recordedAt?: number
}

/** Hands the untouched file to the agent, and tells how far that is; the answer means that it is on disk. */
export function addClip(task: string, file: Blob, facts: ClipFacts, progress: (share: number) => void): Promise<ClipView> {
  const query = new URLSearchParams({ kind: facts.kind, caption: facts.caption, point: facts.point })
  if (facts.durationMs !== undefined) query.set('duration_ms', String(Math.round(facts.durationMs)))
  if (facts.recordedAt !== undefined) query.set('recorded_at', String(facts.recordedAt))
  return new Promise((done, fail) => {
    const request = new XMLHttpRequest()
    request.open('POST', `/api/tasks/${encodeURIComponent(task)}/clips?${query}`)
    request.responseType = 'json'
    request.setRequestHeader('content-type', 'application/octet-stream')
    request.upload.onprogress = (event) => progress(event.loaded / Math.max(event.total, 1))
    request.onload = () => {
      if (request.status === 200) done(request.response as ClipView)
      else fail(refusal(request.response, request.status, request.statusText))
    }
    request.onerror = request.onabort = () => fail(new Unreachable('agent unreachable'))
    request.send(file)
  })
}

/** Where the bytes of a clip are. */
export function clipUrl(task: string, clip: string): string {
  return `/api/tasks/${encodeURIComponent(task)}/clips/${encodeURIComponent(clip)}/file`
}
