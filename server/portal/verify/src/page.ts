import './verify.css'
import { Controls } from './controls'
import { LIMITS, TOTAL_LIMIT } from './files'
import { Report } from './report'
import { SearchForm } from './searchform'
import type { Ask, Tell } from './worker'
import { type Words, en, zh } from './words'

/** The page: what is chosen goes to a worker, what the worker tells is shown. */
class Page {
  private words: Words = zh
  private worker: Worker | undefined
  private controls!: Controls
  private report!: Report
  private search!: SearchForm
  /** What was told so far, to be said again in the other language. */
  private told: Tell[] = []

  constructor(private readonly root: HTMLElement) {
    this.draw()
    root.addEventListener('dragover', (event) => event.preventDefault())
    root.addEventListener('drop', (event) => {
      event.preventDefault()
      this.own([...(event.dataTransfer?.files ?? [])])
    })
  }

  private draw(): void {
    const { words, root } = this
    const typed = this.controls?.photographed
    root.lang = words === zh ? 'zh-CN' : 'en'
    this.controls = new Controls(words, root.dataset, {
      start: () => void this.published(),
      own: (files) => this.own(files),
      typed: () => this.report.compare(this.controls.photographed),
      language: () => {
        this.words = this.words === zh ? en : zh
        this.draw()
      },
    })
    if (typed) this.controls.photographed = typed
    this.report = new Report(words, root.dataset.commitment ?? '', () => this.stop())
    this.search = new SearchForm(words, (of, id, salt) => this.ask({ kind: 'find', of, id, salt }))
    root.replaceChildren(this.controls.element, this.report.element, this.search.element)
    for (const message of this.told) this.hear(message)
    this.controls.busy(this.busy)
  }

  private get busy(): boolean {
    const last = this.told[this.told.length - 1]
    return this.worker !== undefined && !['verified', 'refused', 'broken', 'found'].includes(last?.kind ?? '')
  }

  /** Downloads what the portal publishes, and no more than a transcript can have. */
  private async published(): Promise<void> {
    const worker = this.begin()
    try {
      const answer = await fetch(this.root.dataset.transcript!, { credentials: 'omit' })
      if (!answer.ok || !answer.body) throw new Error(String(answer.status))
      const length = Number(answer.headers.get('content-length') ?? 0)
      const parts: Uint8Array[] = []
      let n = 0
      const reader = answer.body.getReader()
      for (;;) {
        const { done, value } = await reader.read()
        if (done || this.worker !== worker) break
        parts.push(value)
        n += value.length
        if (n > TOTAL_LIMIT) throw new Error('too large')
        this.report.loading(length > 0 ? n / length : undefined)
      }
      if (this.worker !== worker) return
      const bytes = new Uint8Array(n)
      let at = 0
      for (const part of parts) {
        bytes.set(part, at)
        at += part.length
      }
      this.ask({ kind: 'zip', bytes }, [bytes.buffer])
    } catch {
      if (this.worker !== worker) return
      this.stop()
      this.report.failed()
    }
  }

  private own(chosen: File[]): void {
    if (chosen.length === 0) return
    const worker = this.begin()
    const whole = chosen.length === 1 && !LIMITS.has(chosen[0]!.name)
    if (chosen.reduce((sum, file) => sum + file.size, 0) > TOTAL_LIMIT || chosen.length > LIMITS.size) {
      this.hear({ kind: 'refused', file: 'archive', line: 0, code: 'archive', detail: 'too much', shown: '', seconds: 0 })
      return
    }
    void Promise.all(chosen.map(async (file) => new Uint8Array(await file.arrayBuffer()))).then((all) => {
      if (this.worker !== worker) return
      const stranger = chosen.find((file) => !LIMITS.has(file.name))
      if (whole) this.ask({ kind: 'zip', bytes: all[0]! }, [all[0]!.buffer])
      else if (stranger) {
        this.hear({ kind: 'refused', file: 'archive', line: 0, code: 'archive', detail: stranger.name, shown: '', seconds: 0 })
      } else this.ask({ kind: 'files', files: chosen.map((file, i) => [file.name, all[i]!]) })
    })
  }

  private begin(): Worker {
    this.stop()
    this.told = []
    const worker = new Worker('/verify/worker.js', { type: 'module' })
    worker.onmessage = ({ data }: MessageEvent<Tell>) => this.worker === worker && this.hear(data, true)
    worker.onerror = () => this.worker === worker && this.hear({ kind: 'broken', why: '' }, true)
    this.worker = worker
    this.report.begin()
    this.search.hide()
    this.controls.busy(true)
    return worker
  }

  private ask(what: Ask, move: ArrayBufferLike[] = []): void {
    this.worker?.postMessage(what, move as ArrayBuffer[])
  }

  private stop(): void {
    this.worker?.terminate()
    this.worker = undefined
    this.told = []
    this.report.stopped()
    this.controls.busy(false)
  }

  private hear(message: Tell, first = false): void {
    if (first && message.kind !== 'progress') this.told.push(message)
    if (message.kind === 'found') {
      this.search.show(message.found)
      return
    }
    this.report.hear(message)
    if (message.kind === 'verified') {
      this.report.compare(this.controls.photographed)
      this.search.offer(message.summary)
    }
    if (message.kind === 'verified' || message.kind === 'refused' || message.kind === 'broken') this.controls.busy(false)
  }
}

const root = document.getElementById('verify')
if (root) new Page(root)
