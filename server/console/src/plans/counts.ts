import { type Ref, shallowRef } from 'vue'
import type { Schemas } from '@/api/client'
import { type Loaded, useLoad } from '@/ui/use'
import { countCells } from './api'
import { type CellDraft, usualPercent } from './cells'

/** Live counts of a scope by risk class, written into the cells; what was already decided for a class is kept. */
export function useCounts(scope: () => Schemas['PlanScope'], cells: Ref<CellDraft[]>): Loaded<unknown> {
  const pause = shallowRef<ReturnType<typeof setTimeout>>()
  const loaded = useLoad(
    async () => {
      const found = await countCells(scope())
      const before = new Map(cells.value.map((c) => [c.risk_class, c]))
      cells.value = found.cells.map(({ risk_class, objects }) => {
        const usual: CellDraft = { risk_class, objects, by: 'ratio', percent: usualPercent[risk_class] ?? 5, number: 0, reserves: 5 }
        return { ...(before.get(risk_class) ?? usual), objects }
      })
    },
    { now: false },
  )
  const reload = (): Promise<void> => {
    clearTimeout(pause.value)
    return new Promise((done) => {
      pause.value = setTimeout(() => void loaded.reload().then(done), 200)
    })
  }
  return { ...loaded, reload }
}
