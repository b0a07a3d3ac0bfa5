import { computed, reactive, watch, type WatchSource } from 'vue'
import { answer, api, Unreachable, whenLocked } from '../api/client'
import type { AgentState, InspectorCard } from '../api/types'
import { forgetDrafts } from './drafts'

const POLL_MS = 2000

/** What the agent last said of itself. Everything on screen comes from there. */
export const agent = reactive({
  state: undefined as AgentState | undefined,
  /** The agent did not answer the last question. */
  away: false,
  /** Somebody locked it on purpose. */
  byHand: false,
})

export const me = computed<InspectorCard | undefined>(() => agent.state?.me ?? undefined)

let timer: number | undefined

/** Who had unlocked the tablet last, since this page was opened. */
let last: string | undefined

/** Whether somebody else had the tablet before `person`: then nobody is led to that one's place. */
export const someoneElseHadIt = (person: string) => last !== undefined && last !== person

export function take(state: AgentState) {
  if (!state.me) forgetDrafts()
  else last = state.me.person
  agent.state = state
  agent.away = false
}

/** Asks once; screens that changed something call this rather than wait for the next round. */
export async function refreshAgent(): Promise<void> {
  try {
    take(await answer(api.GET('/api/state')))
  } catch (cause) {
    if (cause instanceof Unreachable) agent.away = true
  }
}

async function round() {
  if (!document.hidden) await refreshAgent()
  timer = window.setTimeout(round, POLL_MS)
}

export function startPolling() {
  if (timer !== undefined) return
  timer = window.setTimeout(round, POLL_MS)
  document.addEventListener('visibilitychange', () => {
    if (!document.hidden) void refreshAgent()
  })
  for (const kind of ['pointerdown', 'keydown']) document.addEventListener(kind, used, { passive: true })
  whenLocked(() => {
    forgetDrafts()
    if (agent.state) agent.state = { ...agent.state, locked: true, me: null }
  })
}

const ACTIVE_MS = 60_000
let activeAt = 0

/** Tells the agent that somebody is at work, also where nobody touches the screen. */
export function stillUsed() {
  activeAt = performance.now()
  void api.POST('/api/active').catch(() => undefined)
}

/** The agent locks what nobody uses; what screens load by themselves does not count as use. */
function used() {
  const now = performance.now()
  if (!me.value || now - activeAt < ACTIVE_MS) return
  stillUsed()
}

export async function lock() {
  agent.byHand = true
  take(await answer(api.POST('/api/lock')))
}

/** Runs `act` whenever something changed on the tablet that a screen could show. */
export function whenChanged(act: () => void) {
  const source: WatchSource<number | undefined> = () => agent.state?.revision
  return watch(source, act)
}
