import { ref, shallowReactive, type Ref } from 'vue'
import { keepPiece, type ClipFacts } from '../api/clip'
import { Refusal, Unreachable } from '../api/client'
import { me } from './agent'

/** Greatest piece that the agent takes, in bytes. */
const MAX_PIECE = 4 << 20
const RETRY_MS = 2000

/**
 * Recordings that this page is making, of which it still holds pieces, or which it made clips: the list
 * that the agent last gave may be older than that.
 */
const inHand = shallowReactive(new Set<string>())
/** Nobody will make it a clip by itself: it is offered on the record. */
export const isBrokenOff = (recording: string) => !inHand.has(recording)

/** The agent's disk behind a recorder: pieces go there one after the other, none before its answer. */
export interface OnDisk {
  id: string
  /** How much of the recording is on the disk, in milliseconds. */
  kept: Ref<number>
  /** Takes the next piece, with which the recording is `durationMs` long. */
  add(piece: Blob, durationMs: number): void
  /** Ends when all that was added is on the disk; fails with what the agent says. */
  settled(): Promise<void>
  /** This page makes no clip of it: what is on the disk is offered as broken off. */
  leave(): void
  /** Nobody waits for it any more: what is not on the disk goes there when the agent answers again, then as `leave`. */
  leaveWhenSettled(): void
}

/** The agent does not answer, or wants the PIN first: the same piece is taken later. */
export const isPassing = (cause: unknown) =>
  cause instanceof Unreachable || (cause instanceof Refusal && cause.problem.code === 'locked')

function freshId(): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(8)), (byte) => byte.toString(16).padStart(2, '0')).join('')
}

const pause = () => new Promise((done) => window.setTimeout(done, RETRY_MS))

/** Recordings of which only this page has the last pieces, though nobody looks at them. */
const leaving = new Set<string>()
window.addEventListener('beforeunload', (event) => {
  if (leaving.size > 0) event.preventDefault()
})

/** `facts` are read anew for each piece; `refused`: the agent will not take another one. */
export function toDisk(task: string, facts: () => ClipFacts, refused: (cause: unknown) => void): OnDisk {
  const id = freshId()
  const person = me.value?.person
  const waiting: { piece: Blob; durationMs: number }[] = []
  const kept = ref(0)
  let next = 0
  let working: Promise<void> | undefined
  inHand.add(id)

  async function work() {
    for (let first = waiting[0]; first; first = waiting[0]) {
      await keepPiece(task, id, next, first.piece, { ...facts(), durationMs: first.durationMs })
      waiting.shift()
      next += 1
      kept.value = first.durationMs
    }
  }
  const settled = () => (working ??= work().finally(() => (working = undefined)))

  /** Whoever unlocks the tablet next does not record in another's name. */
  async function untilSettled() {
    leaving.add(id)
    while (waiting.length > 0) {
      try {
        if (me.value?.person === person) await settled()
      } catch (cause) {
        if (!isPassing(cause)) break
      }
      if (waiting.length > 0) await pause()
    }
    leaving.delete(id)
    inHand.delete(id)
  }

  return {
    id,
    kept,
    add(piece, durationMs) {
      for (let at = 0; at < piece.size; at += MAX_PIECE) waiting.push({ piece: piece.slice(at, at + MAX_PIECE), durationMs })
      // An agent that does not answer is asked again with the next piece.
      settled().catch((cause: unknown) => isPassing(cause) || refused(cause))
    },
    settled,
    leave: () => void inHand.delete(id),
    leaveWhenSettled: () => void untilSettled(),
  }
}
