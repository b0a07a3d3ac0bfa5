import { ElMessage } from 'element-plus'
import { type Ref, onScopeDispose, ref, shallowRef } from 'vue'
import { type ApiProblem, asProblem } from '@/api/problem'

export interface Loaded<T> {
  data: Ref<T | undefined>
  problem: Ref<ApiProblem | undefined>
  loading: Ref<boolean>
  reload: () => Promise<void>
}

/** Something that is read from the server. A slow older answer never replaces a newer one. */
export function useLoad<T>(read: () => Promise<T>, options: { now?: boolean } = {}): Loaded<T> {
  const data = shallowRef<T>()
  const problem = shallowRef<ApiProblem>()
  const loading = ref(false)
  let turn = 0

  async function reload(): Promise<void> {
    const mine = ++turn
    loading.value = true
    try {
      const got = await read()
      if (mine !== turn) return
      data.value = got
      problem.value = undefined
    } catch (e) {
      if (mine === turn) problem.value = asProblem(e)
    } finally {
      if (mine === turn) loading.value = false
    }
  }

  if (options.now !== false) void reload()
  return { data, problem, loading, reload }
}

export interface Act {
  busy: Ref<boolean>
  problem: Ref<ApiProblem | undefined>
  /** Runs the step unless one is under way; true when it succeeded. */
  run: (step: () => Promise<unknown>, done?: string) => Promise<boolean>
}

/** Something that is changed on the server: one at a time, the refusal kept for the form to show. */
export function useAct(options: { toast?: boolean } = {}): Act {
  const busy = ref(false)
  const problem = shallowRef<ApiProblem>()

  async function run(step: () => Promise<unknown>, done?: string): Promise<boolean> {
    if (busy.value) return false
    busy.value = true
    problem.value = undefined
    try {
      await step()
      if (done) ElMessage.success(done)
      return true
    } catch (e) {
      problem.value = asProblem(e)
      if (options.toast) ElMessage.error({ message: problem.value.message, duration: 8000, showClose: true })
      return false
    } finally {
      busy.value = false
    }
  }

  return { busy, problem, run }
}

/** Repeats while the page is shown; stops with the component. */
export function useEvery(ms: number, step: () => void): void {
  const timer = setInterval(() => document.visibilityState === 'visible' && step(), ms)
  onScopeDispose(() => clearInterval(timer))
}
