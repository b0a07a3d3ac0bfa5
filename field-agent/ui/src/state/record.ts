import { computed, inject, onUnmounted, provide, reactive, watch, type ComputedRef, type InjectionKey, type ShallowRef } from 'vue'
import { answer, api } from '../api/client'
import type { Cell, CellValue, ClipView, EditAnswer, EntryView, PhotoView, RecordingView, RecordView, Scalar, TaskDetail } from '../api/types'
import { isMoney } from '../format'
import { me } from './agent'
import { draftsOfCells, keepDraft } from './drafts'
import { useLive } from './live'
import { saverOf, type Saver } from './saver'

/** The open record: what the agent holds, overlaid with what is on its way to the agent. */
export interface OpenRecord {
  task: string
  saver: Saver
  detail: ShallowRef<TaskDetail | undefined>
  view: ShallowRef<RecordView | undefined>
  photos: ShallowRef<PhotoView[] | undefined>
  /** Photos that nobody has withdrawn, by `item/point` ("": the whole record). */
  photosAt: ComputedRef<Map<string, PhotoView[]>>
  clips: ShallowRef<ClipView[] | undefined>
  /** Recordings that are no clips yet. */
  recordings: ShallowRef<RecordingView[] | undefined>
  entries: ShallowRef<EntryView[] | undefined>
  error: ComputedRef<unknown>
  readOnly: ComputedRef<boolean>
  cell(path: string): Cell | undefined
  value(path: string): Scalar | undefined
  text(path: string): string
  number(path: string): number | undefined
  set(path: string, value: Scalar): void
  /** What was typed here and not saved before somebody else wrote there, by path. */
  offers: Record<string, Scalar>
  /** Writes what is offered, or throws it away. */
  settleOffer(path: string, take: boolean): void
  /** Replaces all values of a cell that two people wrote differently. */
  settle(path: string, value: Scalar): Promise<void>
  reload(): Promise<void>
}

const KEY: InjectionKey<OpenRecord> = Symbol('record')

/** Opens the record for a screen and everything on it. */
export function provideRecord(task: string): OpenRecord {
  const saver = saverOf(task, me.value?.person ?? '')
  const path = { task }

  /** A reading that began before an answer to a save arrived is older than what is on screen. */
  async function read(): Promise<RecordView> {
    const before = saver.answers
    const view = await answer(api.GET('/api/tasks/{task}/record', { params: { path } }))
    return saver.answers === before ? view : read()
  }

  const detail = useLive(() => answer(api.GET('/api/tasks/{task}', { params: { path } })))
  const view = useLive(read)
  const photos = useLive(async () => (await answer(api.GET('/api/tasks/{task}/photos', { params: { path } }))).rows)
  const clips = useLive(async () => (await answer(api.GET('/api/tasks/{task}/clips', { params: { path } }))).rows)
  const recordings = useLive(async () => (await answer(api.GET('/api/tasks/{task}/recordings', { params: { path } }))).rows)
  const entries = useLive(async () => (await answer(api.GET('/api/tasks/{task}/entries', { params: { path } }))).rows)

  function merge(saved: EditAnswer) {
    const now = view.data.value
    if (!now) return
    const { heads, progress, state } = saved
    view.data.value = { ...now, heads, progress, state, cells: { ...now.cells, ...saved.cells } }
  }
  saver.onSaved = merge

  const cell = (at: string) => view.data.value?.cells[at]
  const value = (at: string) => saver.state.waiting[at] ?? saver.state.sending[at] ?? cell(at)?.values[0]?.value

  saver.values = (at) => view.data.value && (cell(at)?.values.map((one) => one.value) ?? [])
  onUnmounted(() => (saver.values = () => undefined))

  /** What somebody else, or another tablet, wrote in a cell in place of what stood there. */
  function writtenSince(at: string, stood: string | undefined) {
    const known = JSON.parse(stood ?? '[]') as Scalar[]
    const isOwn = (one: CellValue) => one.here && one.person === me.value?.person
    return cell(at)?.values.some((one) => !isOwn(one) && !known.includes(one.value)) ?? false
  }
  const offers = reactive<Record<string, Scalar>>({})
  saver.onOvertaken = (typed) => {
    Object.assign(offers, typed)
    void view.reload()
  }

  const record: OpenRecord = {
    task,
    saver,
    detail: detail.data,
    view: view.data,
    photos: photos.data,
    photosAt: computed(() => {
      const by = new Map<string, PhotoView[]>()
      for (const one of photos.data.value ?? []) {
        if (one.withdrawn) continue
        const at = by.get(one.point)
        if (at) at.push(one)
        else by.set(one.point, [one])
      }
      return by
    }),
    clips: clips.data,
    recordings: recordings.data,
    entries: entries.data,
    error: computed(() => view.error.value ?? detail.error.value),
    readOnly: computed(() => view.data.value?.read_only != null),
    cell,
    value,
    text: (at) => {
      const held = value(at)
      return typeof held === 'string' ? held : ''
    },
    number: (at) => {
      const held = value(at)
      return typeof held === 'number' ? held : undefined
    },
    set: (at, next) => saver.set(at, next),
    offers,
    settleOffer: (at, take) => {
      const typed = offers[at]
      delete offers[at]
      keepDraft(task, `cell/${at}`, undefined)
      if (take && typed !== undefined) saver.set(at, typed)
    },
    settle: async (at, next) => {
      const settled = await answer(
        api.POST('/api/tasks/{task}/conflicts/settle', { params: { path }, body: { path: at, value: next, seen: saver.values(at) } }),
      )
      saver.answers += 1
      merge(settled)
    },
    reload: async () => {
      await Promise.all([detail.reload(), view.reload(), photos.reload(), clips.reload(), recordings.reload(), entries.reload()])
    },
  }
  // What the browser took with it when it was killed: typed, and not saved.
  const stop = watch(
    () => view.data.value && !record.readOnly.value,
    (open) => {
      if (!open) return
      for (const { path: at, text, stood } of draftsOfCells(task)) {
        const typed = isMoney(at) ? Number(text) : text
        if ((value(at) ?? '') === typed) continue
        if (writtenSince(at, stood)) offers[at] = typed
        else saver.type(at, typed)
      }
      queueMicrotask(() => stop())
    },
    { immediate: true },
  )
  provide(KEY, record)
  return record
}

export function useRecord(): OpenRecord {
  const record = inject(KEY)
  if (!record) throw new Error('no record is open here')
  return record
}
