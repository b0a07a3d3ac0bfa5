import { ref, shallowRef } from 'vue'
import { whenChanged } from './agent'

/**
 * Something that the agent holds and a screen shows: loaded at once, and again whenever the agent's
 * revision rises. A failed refresh keeps what is on screen and says so in `error`.
 */
export function useLive<T>(load: () => Promise<T>) {
  const data = shallowRef<T>()
  const error = shallowRef<unknown>()
  const busy = ref(false)
  let again = false

  async function reload(): Promise<void> {
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
    busy.value = false
    if (again) {
      again = false
      await reload()
    }
  }

  whenChanged(() => void reload())
  void reload()
  return { data, error, busy, reload }
}
