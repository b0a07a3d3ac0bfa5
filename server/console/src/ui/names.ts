import { computed, shallowReactive } from 'vue'
import { answer, api } from '@/api/client'

interface Named {
  code: string
  name: string
}

const known = shallowReactive<{ departments: Named[]; districts: Named[] }>({ departments: [], districts: [] })
let asked: Promise<void> | undefined

async function ask(): Promise<void> {
  const [departments, districts] = await Promise.all([
    answer(api.GET('/api/departments')),
    answer(api.GET('/api/districts')),
  ])
  known.departments = departments.rows
  known.districts = districts.rows
}

/** Names of departments and districts by their codes; asked once, the code itself until the answer is there. */
export function useNames() {
  asked ??= ask().catch(() => {
    asked = undefined
  })
  const nameIn = (list: Named[], code: string | null | undefined): string =>
    code ? (list.find((n) => n.code === code)?.name ?? code) : ''
  return {
    departments: computed(() => known.departments),
    districts: computed(() => known.districts),
    department: (code: string | null | undefined) => nameIn(known.departments, code),
    district: (code: string | null | undefined) => nameIn(known.districts, code),
  }
}
