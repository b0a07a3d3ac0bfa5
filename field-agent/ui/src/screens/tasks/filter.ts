import { reactive } from 'vue'
import type { TaskState } from '../../api/types'

/** What the list is narrowed to; it stays while the app is open, so that going back finds the same list. */
export const filter = reactive<{ q: string; state: TaskState | undefined }>({ q: '', state: undefined })

/** Cards that are added to the list when its end comes near. */
export const MORE = 30
