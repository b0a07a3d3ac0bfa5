import createClient, { type Middleware } from 'openapi-fetch'
import type { components, paths } from './schema'
import { ApiProblem, UNREACHABLE, problemOf } from './problem'

export type Schemas = components['schemas']

const SAFE = new Set(['GET', 'HEAD', 'OPTIONS'])
let csrf = ''
let onSignedOut: () => void = () => undefined

/** Set by the session once it is known; sent with every method that changes something. */
export function setCsrfToken(token: string): void {
  csrf = token
}

/** Called when the server no longer knows the session. */
export function whenSignedOut(handler: () => void): void {
  onSignedOut = handler
}

const guard: Middleware = {
  onRequest({ request }) {
    if (!SAFE.has(request.method)) request.headers.set('x-csrf-token', csrf)
    return request
  },
  async onResponse({ request, response }) {
    if (response.ok) return response
    const problem = await problemOf(response)
    if (response.status === 401 && !request.url.endsWith('/api/session')) onSignedOut()
    throw problem
  },
  onError({ error }) {
    return error instanceof ApiProblem
      ? error
      : new ApiProblem(0, { code: UNREACHABLE, detail: error instanceof Error ? error.message : '' })
  },
}

export const api = createClient<paths>({ baseUrl: '', credentials: 'same-origin' })
api.use(guard)

/** The answer of a call; refusals are thrown as `ApiProblem` before they come here. */
export async function answer<T>(call: Promise<{ data?: T }>): Promise<T> {
  const { data } = await call
  return data as T
}

/** Sends a file as the request's body and tells how much of it has left this machine, from 0 to 1. */
export function sendFile(
  method: 'POST' | 'PUT',
  url: string,
  body: Blob | FormData,
  progress: (share: number) => void,
): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest()
    request.open(method, url)
    request.setRequestHeader('x-csrf-token', csrf)
    request.upload.onprogress = (e) => e.lengthComputable && progress(e.loaded / e.total)
    request.onerror = () => reject(new ApiProblem(0, { code: UNREACHABLE }))
    request.onload = () => {
      if (request.status >= 200 && request.status < 300) {
        resolve(request.responseText ? JSON.parse(request.responseText) : null)
      } else {
        void problemOf(new Response(request.responseText, { status: request.status })).then(reject)
      }
    }
    request.send(body)
  })
}
