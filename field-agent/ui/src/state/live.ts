import { onScopeDispose, ref, shallowRef } from 'vue'
import { whenChanged } from './agent'

/** For what is long to read: not with every chunk of a photo that is sent. */
export const RELOAD_MS = 1500

/**
 * Something that the agent holds and a screen shows: loaded at once, and again whenever the agent's
 * revision rises, but not before `pause` milliseconds have passed since the last time: while photos
 * move the revision rises with each chunk. A failed refresh keeps what is on screen and says so in
 * `error`.
 */
export function useLive<T>(load: () => Promise<T>, pause = 0) {
  const data = shallowRef<T>()
  const error = shallowRef<unknown>()
  const busy = ref(false)
  let again = false
  let timer: number | undefined
  let loadedAt = -Infinity

  async function reload(): Promise<void> {
    window.clearTimeout(timer)
    timer = undefined
    if (busy.value) {
      again = true
      return
    }
    busy.value = true
    try {
      data.value = await load()
      error.value = undefined
    } catch (cause) {
      error.value = cause
    }
    loadedAt = performance.now()
    busy.value = false
    if (again) {
      again = false
      await reload()
    }
  }

  whenChanged(() => {
    const wait = loadedAt + pause - performance.now()
    if (pause === 0 || wait <= 0) void reload()
    else timer ??= window.setTimeout(() => void reload(), wait)
  })
  onScopeDispose(() => window.clearTimeout(timer))
  void reload()
  return { data, error, busy, reload }
}
