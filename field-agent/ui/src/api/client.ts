import createClient from 'openapi-fetch'
import type { paths } from './schema'
import type { Problem } from './types'

/** The agent on this tablet: same address as the page. */
export const api = createClient<paths>({ baseUrl: window.location.origin })

/**
 * Sends what must not be lost with the page: it goes on when the page ends, as far as the browser takes that
 * (some 64 KiB on their way together), and like any other request beyond.
 */
export function outliving(url: string, method: string, body: string): Promise<Response> {
  const request = { method, headers: { 'content-type': 'application/json' }, body }
  return fetch(url, { ...request, keepalive: true }).catch(() => fetch(url, request))
}

/** The agent understood and said no; `problem.detail` is in words for people. */
export class Refusal extends Error {
  constructor(readonly problem: Problem) {
    super(problem.detail)
  }
}

/** The agent did not answer at all: it is not running, or restarting. */
export class Unreachable extends Error {}

const lockedListeners = new Set<() => void>()

/** Calls back whenever the agent says that the tablet has been locked. */
export function whenLocked(listener: () => void) {
  lockedListeners.add(listener)
}

function isProblem(value: unknown): value is Problem {
  return typeof value === 'object' && value !== null && 'code' in value && 'detail' in value
}

/** What the agent said no with. */
export function refusal(error: unknown, status: number, title: string): Refusal {
  const problem: Problem = isProblem(error)
    ? error
    : { type: 'about:blank', title, status, code: 'unknown', detail: '' }
  if (problem.code === 'locked') lockedListeners.forEach((listener) => listener())
  return new Refusal(problem)
}

/** Waits for a call and gives its data, or throws a {@link Refusal} or {@link Unreachable}. */
export async function answer<T>(call: Promise<{ data?: T; error?: unknown; response: Response }>): Promise<T> {
  let outcome: { data?: T; error?: unknown; response: Response }
  try {
    outcome = await call
  } catch (cause) {
    throw new Unreachable('agent unreachable', { cause })
  }
  if (!outcome.response.ok || outcome.data === undefined) throw refusal(outcome.error, outcome.response.status, outcome.response.statusText)
  return outcome.data
}
