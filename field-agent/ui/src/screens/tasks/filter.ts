import { reactive } from 'vue'
import type { TaskState } from '../../api/types'

/** What the list is narrowed to; it stays while the app is open, so that going back finds the same list. */
export const filter = reactive<{ q: string; state: TaskState | undefined }>({ q: '', state: undefined })
