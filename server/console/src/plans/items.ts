import { computed } from 'vue'
import { answer, api } from '@/api/client'
import { useLoad } from '@/ui/use'

export interface ItemChoice {
  id: string
  code: string
  name: string
  department: string
  priority: boolean
}

/** Items of all departments that can be planned. */
export function useItems() {
  const loaded = useLoad(() => answer(api.GET('/api/items', { params: { query: { limit: 200, status: 'active' } } })))
  return computed<ItemChoice[]>(() => loaded.data.value?.rows ?? [])
}
