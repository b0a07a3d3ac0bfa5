import { ref, shallowReactive, type Ref } from 'vue'
import { keepPiece, type ClipFacts } from '../api/clip'
import { Unreachable } from '../api/client'

/** Greatest piece that the agent takes, in bytes. */
const MAX_PIECE = 4 << 20

/** Recordings that this page is making: not broken off. */
const making = shallowReactive(new Set<string>())
export const isBeingMade = (recording: string) => making.has(recording)

/** The agent's disk behind a recorder: pieces go there one after the other, none before its answer. */
export interface OnDisk {
  id: string
  /** How much of the recording is on the disk, in milliseconds. */
  kept: Ref<number>
  /** Takes the next piece, with which the recording is `durationMs` long. */
  add(piece: Blob, durationMs: number): void
  /** Ends when all that was added is on the disk; fails with what the agent says. */
  settled(): Promise<void>
  /** It is a clip now, or this page is done with it: what is on the disk is offered as broken off. */
  leave(): void
}

function freshId(): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(8)), (byte) => byte.toString(16).padStart(2, '0')).join('')
}

/** `facts` are read anew for each piece; `refused`: the agent will not take another one. */
export function toDisk(task: string, facts: () => ClipFacts, refused: (cause: unknown) => void): OnDisk {
  const id = freshId()
  const waiting: { piece: Blob; durationMs: number }[] = []
  const kept = ref(0)
  let next = 0
  let working: Promise<void> | undefined
  making.add(id)

  async function work() {
    for (let first = waiting[0]; first; first = waiting[0]) {
      await keepPiece(task, id, next, first.piece, { ...facts(), durationMs: first.durationMs })
      waiting.shift()
      next += 1
      kept.value = first.durationMs
    }
  }
  const settled = () => (working ??= work().finally(() => (working = undefined)))

  return {
    id,
    kept,
    add(piece, durationMs) {
      for (let at = 0; at < piece.size; at += MAX_PIECE) waiting.push({ piece: piece.slice(at, at + MAX_PIECE), durationMs })
      // An agent that does not answer is asked again with the next piece.
      settled().catch((cause: unknown) => cause instanceof Unreachable || refused(cause))
    },
    settled,
    leave: () => void making.delete(id),
  }
}
