import { reactive } from 'vue'
import { answer, api, outliving, Refusal } from '../api/client'
import type { EditAnswer, Scalar } from '../api/types'
import { me } from './agent'
import { draftSaved, keepTyped } from './drafts'

/** Pause in typing after which text is saved, ms. */
const PAUSE_MS = 400
const RETRY_MS = 2000

/** Why a cell was refused: in the agent's words, and by its code. */
export interface RefusedCell {
  text: string
  code: string
}

export interface SaveState {
  /** Typed or tapped, not yet handed to the agent. */
  waiting: Record<string, Scalar>
  /** Handed to the agent, which has not answered yet. */
  sending: Record<string, Scalar>
  /** Refused for what they hold, by path. */
  refused: Record<string, RefusedCell>
  /** The agent said at this time (ms) that everything so far is on disk. */
  savedAt: number | undefined
  failed: boolean
  /** The last that was tapped met what a colleague has written there meanwhile, and was not written. */
  overtaken: boolean
}

/**
 * Carries what is typed and tapped to the agent, one request at a time, and keeps it until the agent
 * has answered that it is on disk. It outlives the screen, so leaving a page loses nothing.
 */
export class Saver {
  readonly state = reactive<SaveState>({ waiting: {}, sending: {}, refused: {}, savedAt: undefined, failed: false, overtaken: false })
  /** Counts answers, so that an older reading of the record is recognised as such. */
  answers = 0
  /** Why the last try failed, while `state.failed`. */
  failure: unknown
  /** The values of a cell that are on screen; nothing while no record is. */
  values: (path: string) => Scalar[] | undefined = () => undefined
  onSaved: (saved: EditAnswer) => void = () => undefined
  /** Somebody else wrote in these cells meanwhile: what was typed there, by path. */
  onOvertaken: (typed: Record<string, Scalar>) => void = () => undefined
  private timer: number | undefined
  /** Until this ends, what waits is being handed over. */
  private running: Promise<void> | undefined
  /** What was on screen where a cell was taken in hand, by path: nothing else is written over. */
  private readonly seen = new Map<string, Scalar[]>()
  /** Fields in which somebody is typing: what arrives meanwhile does not show there. */
  private readonly typing = new Set<string>()

  constructor(
    private readonly task: string,
    private readonly person: string,
  ) {
    window.addEventListener('pagehide', () => this.lastChance())
    document.addEventListener('visibilitychange', () => {
      if (document.hidden) void this.flush()
    })
  }

  /** Saves at once. `seen`: the values on screen, where no record is open. */
  set(path: string, value: Scalar, seen = this.values(path)) {
    this.keep(path, value, seen)
    void this.flush()
  }

  /** Saves at the next pause. */
  type(path: string, value: Scalar) {
    this.typing.add(path)
    this.keep(path, value, this.values(path))
    keepTyped(this.task, `cell/${path}`, String(value), () => JSON.stringify(this.values(path) ?? []))
    this.plan(PAUSE_MS)
  }

  /** The field was left: it shows what stands in its cell again. */
  left(path: string) {
    this.typing.delete(path)
    if (!(path in this.state.waiting) && !(path in this.state.sending)) this.seen.delete(path)
  }

  get busy(): boolean {
    return Object.keys(this.state.waiting).length > 0 || Object.keys(this.state.sending).length > 0
  }

  /** Ends when nothing is left to save, or when saving failed. */
  async flush(): Promise<void> {
    window.clearTimeout(this.timer)
    if (me.value?.person !== this.person) return
    if (!this.running && Object.keys(this.state.waiting).length > 0) this.running = this.handOver()
    await this.running
  }

  private async handOver() {
    try {
      while (Object.keys(this.state.waiting).length > 0) {
        if (!(await this.send())) return
      }
    } finally {
      this.running = undefined
    }
  }

  private keep(path: string, value: Scalar, seen: Scalar[] | undefined) {
    if (seen && !this.seen.has(path)) this.seen.set(path, seen)
    this.state.waiting[path] = value
    this.state.overtaken = false
    delete this.state.refused[path]
  }

  private plan(ms: number) {
    window.clearTimeout(this.timer)
    this.timer = window.setTimeout(() => void this.flush(), ms)
  }

  private edits(cells: Record<string, Scalar>) {
    return Object.entries(cells).map(([path, value]) => ({ path, value, seen: this.seen.get(path) }))
  }

  private async send(): Promise<boolean> {
    this.state.sending = this.state.waiting
    this.state.waiting = {}
    try {
      const body = { edits: this.edits(this.state.sending) }
      const params = { path: { task: this.task } }
      const fetch = ({ url, method }: Request) => outliving(url, method, JSON.stringify(body))
      const saved = await answer(api.PATCH('/api/tasks/{task}/cells', { params, body, fetch }))
      this.answers += 1
      for (const [path, value] of Object.entries(this.state.sending)) {
        draftSaved(this.task, `cell/${path}`, String(value))
        if (this.typing.has(path)) this.seen.set(path, [value])
        else if (!(path in this.state.waiting)) this.seen.delete(path)
      }
      this.state.sending = {}
      this.state.savedAt = Date.now()
      this.state.failed = false
      this.onSaved(saved)
      return true
    } catch (cause) {
      this.putBack(cause)
      return false
    }
  }

  /** What was refused for its content leaves the queue; all else stays in it and is tried again. */
  private putBack(cause: unknown) {
    const sent = this.state.sending
    this.state.sending = {}
    if (cause instanceof Refusal && cause.problem.code !== 'locked' && cause.problem.status < 500) {
      const named = new Map(cause.problem.fields?.filter((one) => one.field in sent).map((one) => [one.field, { text: one.message, code: one.code }]))
      const typed: Record<string, Scalar> = {}
      for (const [path, value] of Object.entries(sent)) {
        const why = named.size > 0 ? named.get(path) : { text: cause.problem.detail, code: cause.problem.code }
        if (why?.code === 'written_meanwhile') {
          const latest = this.state.waiting[path] ?? value
          delete this.state.waiting[path]
          this.seen.delete(path)
          if (this.typing.delete(path)) typed[path] = latest
          else this.state.overtaken = true
        } else if (why) this.state.refused[path] = why
        else this.state.waiting[path] ??= value
      }
      if (cause.problem.code === 'written_meanwhile') this.onOvertaken(typed)
      if (Object.keys(this.state.waiting).length > 0) this.plan(0)
      return
    }
    this.failure = cause
    this.state.failed = true
    this.state.waiting = { ...sent, ...this.state.waiting }
    this.plan(RETRY_MS)
  }

  /** The page is going away: hand over what is left without waiting for the answer. What was handed over goes on. */
  private lastChance() {
    if (Object.keys(this.state.waiting).length === 0 || me.value?.person !== this.person) return
    const body = JSON.stringify({ edits: this.edits(this.state.waiting) })
    outliving(`/api/tasks/${encodeURIComponent(this.task)}/cells`, 'PATCH', body).catch(() => undefined)
  }
}

const savers = new Map<string, Saver>()

/** One saver per task and person: nobody's words are ever written under another's name. */
export function saverOf(task: string, person: string): Saver {
  const key = `${task} ${person}`
  let saver = savers.get(key)
  if (!saver) savers.set(key, (saver = new Saver(task, person)))
  return saver
}
