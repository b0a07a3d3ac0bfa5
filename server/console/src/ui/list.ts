import { type Ref, computed, ref, watch } from 'vue'
import { useRoute, useRouter } from 'vue-router'
import { type Loaded, useLoad } from './use'

export interface Page<R> {
  rows: R[]
  total: number
}

export type Filters = Record<string, string>

export interface Listing<R> {
  rows: Readonly<Ref<R[] | undefined>>
  total: Readonly<Ref<number | undefined>>
  offset: Ref<number>
  limit: number
  filters: Ref<Filters>
  loading: Ref<boolean>
  problem: Loaded<Page<R>>['problem']
  page: (offset: number) => void
  reload: () => Promise<void>
  /** The filters that are set, without the empty ones. */
  active: Readonly<Ref<Filters>>
}

/**
 * A list with filters and pages that live in the address, so that a filtered list can be sent to a colleague
 * and "back" comes back to it. Typing is taken after a pause of 250 ms.
 */
export function useListing<R>(
  names: string[],
  read: (query: Filters & { offset: number; limit: number }) => Promise<Page<R>>,
  limit = 50,
): Listing<R> {
  const route = useRoute()
  const router = useRouter()
  const fromAddress = (name: string): string => String(route.query[name] ?? '')
  const filters = ref<Filters>(Object.fromEntries(names.map((n) => [n, fromAddress(n)])))
  const offset = ref(Number(route.query.offset ?? 0) || 0)
  const active = computed(() => Object.fromEntries(Object.entries(filters.value).filter(([, v]) => v !== '')))

  const loaded = useLoad(() => read({ ...active.value, offset: offset.value, limit } as Filters & { offset: number; limit: number }))

  function settle(): void {
    const kept = Object.fromEntries(Object.entries(route.query).filter(([k]) => !names.includes(k) && k !== 'offset'))
    const query = { ...kept, ...active.value, ...(offset.value ? { offset: String(offset.value) } : {}) }
    void router.replace({ query })
    void loaded.reload()
  }

  let pause: ReturnType<typeof setTimeout> | undefined
  watch(
    filters,
    () => {
      clearTimeout(pause)
      pause = setTimeout(() => {
        offset.value = 0
        settle()
      }, 250)
    },
    { deep: true },
  )

  // A link to another state of the same list (a tab, "back") changes the address first.
  const place = route.name
  watch(
    () => route.query,
    (query) => {
      if (route.name !== place) return
      for (const n of names) {
        const told = String(query[n] ?? '')
        if (told !== filters.value[n]) filters.value[n] = told
      }
    },
  )

  function page(to: number): void {
    offset.value = to
    settle()
  }

  return {
    rows: computed(() => loaded.data.value?.rows),
    total: computed(() => loaded.data.value?.total),
    offset,
    limit,
    filters,
    loading: loaded.loading,
    problem: loaded.problem,
    page,
    reload: loaded.reload,
    active,
  }
}
