import { type Ref, ref, shallowRef } from 'vue'
import type { Schemas } from '@/api/client'
import { type Loaded, useLoad } from '@/ui/use'
import { countCells } from './api'
import { type CellDraft, byRisk, inputOf } from './cells'

export interface Counts extends Omit<Loaded<unknown>, 'data'> {
  /** Objects of the scope that fit no cell. */
  rest: Ref<number>
  /** Cells by risk class as they occur in the scope. */
  classes: Ref<CellDraft[]>
}

/** Live counts of a scope by its cells, written into them; without cells it starts with one for each class. */
export function useCounts(scope: () => Schemas['PlanScope'], cells: Ref<CellDraft[]>): Counts {
  const pause = shallowRef<ReturnType<typeof setTimeout>>()
  const rest = ref(0)
  const classes = ref<CellDraft[]>([])
  const loaded = useLoad(
    async () => {
      const sent = cells.value
      const found = await countCells({ scope: scope(), cells: sent.map(inputOf) })
      classes.value = byRisk(found.risk_classes)
      if (!sent.length) {
        cells.value = byRisk(found.risk_classes)
        rest.value = 0
        return
      }
      if (sent.length !== cells.value.length) return
      found.cells.forEach((n, i) => (cells.value[i]!.objects = n))
      rest.value = found.rest
    },
    { now: false },
  )
  const reload = (): Promise<void> => {
    clearTimeout(pause.value)
    return new Promise((done) => {
      pause.value = setTimeout(() => void loaded.reload().then(done), 200)
    })
  }
  return { problem: loaded.problem, loading: loaded.loading, reload, rest, classes }
}
