import { answer, api, refusal, Unreachable } from './client'
import type { ClipKind, ClipView, NewClip, RecordingView } from './types'

/** What is told of a clip when it is handed in. */
export interface ClipFacts {
  kind: ClipKind
  caption: string
  /** `item/point`, or empty. */
  point: string
  durationMs?: number
  recordedAt?: number
}

/** As the agent wants it told. */
export const newClip = ({ kind, caption, point, durationMs, recordedAt }: ClipFacts) => ({
  kind,
  caption,
  point,
  ...(durationMs === undefined ? {} : { duration_ms: Math.round(durationMs) }),
  ...(recordedAt === undefined ? {} : { recorded_at: Math.round(recordedAt) }),
})

const queryOf = (facts: ClipFacts) => new URLSearchParams(Object.entries(newClip(facts)).map(([name, value]) => [name, String(value)]))

/** Hands the untouched file to the agent, and tells how far that is; the answer means that it is on disk. */
export function addClip(task: string, file: Blob, facts: ClipFacts, progress: (share: number) => void): Promise<ClipView> {
  return new Promise((done, fail) => {
    const request = new XMLHttpRequest()
    request.open('POST', `/api/tasks/${encodeURIComponent(task)}/clips?${queryOf(facts)}`)
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

/** Hands over a piece of a recording; the answer means that it is on disk. */
export function keepPiece(task: string, recording: string, piece: number, bytes: Blob, facts: ClipFacts): Promise<RecordingView> {
  return answer(
    api.PUT('/api/tasks/{task}/recordings/{recording}/{piece}', {
      params: { path: { task, recording, piece }, query: newClip(facts) },
      body: [],
      bodySerializer: () => bytes,
      headers: { 'content-type': 'application/octet-stream' },
    }),
  )
}

/** Makes a recording a clip, as far as it is on disk. */
export function keepRecording(task: string, recording: string, facts: NewClip): Promise<ClipView> {
  return answer(api.POST('/api/tasks/{task}/recordings/{recording}/keep', { params: { path: { task, recording } }, body: facts }))
}
