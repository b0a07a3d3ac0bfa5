import { groups, h } from './dom'
import type { Step, Summary } from './verify'
import type { Tell } from './worker'
import type { Words } from './words'

type Shown = Step | 'unpack'

/** How heavy a step is, for the bar: about what it takes of the time. */
const WEIGHTS: Record<Shown, number> = {
  unpack: 10, present: 1, manifest: 12, rules: 1, objects: 18, inspectors: 3, avoid: 4, excluded: 3, servable: 4, seed: 3,
  selection: 25, deal: 8, result: 8, substitutions: 2, openings: 3, void: 1,
}
const TOTAL = Object.values(WEIGHTS).reduce((a, b) => a + b)

/** Steps with ticks, the bar, and the verdict. */
export class Report {
  readonly element: HTMLElement
  private readonly bar = h('progress', { max: '1', value: '0' })
  private readonly status = h('p', { class: 'quiet', role: 'status' })
  private readonly running: HTMLElement
  private readonly steps = h('ol', { class: 'ticks' })
  private readonly verdict = h('div', { role: 'alert', id: 'verdict' })
  private readonly rows = new Map<Shown, HTMLElement>()
  private readonly comparison = h('div')
  private current: Shown | undefined
  private before = 0
  private commitment = ''

  constructor(private readonly words: Words, private readonly published: string, stop: () => void) {
    const cancel = h('button', { type: 'button', class: 'second' }, words.cancel)
    cancel.addEventListener('click', stop)
    this.running = h('div', { class: 'running' }, this.bar, this.status, cancel)
    this.bar.setAttribute('aria-label', words.start)
    this.running.hidden = true
    this.element = h('section', { class: 'card report' }, this.verdict, this.running, this.steps)
    this.element.hidden = true
  }

  begin(): void {
    this.element.hidden = false
    this.running.hidden = false
    this.verdict.replaceChildren()
    this.steps.replaceChildren()
    this.rows.clear()
    this.before = 0
    this.bar.value = 0
    this.status.textContent = this.words.loading
  }

  loading(share: number | undefined): void {
    if (share === undefined) this.bar.removeAttribute('value')
    else this.bar.value = share
  }

  failed(): void {
    this.element.hidden = false
    this.verdict.replaceChildren(h('p', { class: 'card warn' }, this.words.loadFailed))
  }

  stopped(): void {
    this.running.hidden = true
    if (this.current) this.rows.get(this.current)?.remove()
    this.current = undefined
  }

  hear(message: Tell): void {
    const { words } = this
    this.element.hidden = false
    switch (message.kind) {
      case 'begin':
        this.running.hidden = false
        this.current = message.step
        this.row(message.step, 'now', '')
        this.status.textContent = words.steps[message.step]
        this.progress(0)
        return
      case 'progress':
        return this.progress(message.share)
      case 'done': {
        const says = message.skipped ? (words.absent[message.step] ?? words.none) : words.done(message.step, message.count ?? 0)
        this.row(message.step, message.skipped ? 'none' : 'good', says)
        this.before += WEIGHTS[message.step]
        this.current = undefined
        return this.progress(0)
      }
      case 'verified':
        this.running.hidden = true
        this.commitment = message.summary.commitment
        return this.verified(message.summary, message.seconds)
      case 'refused': {
        this.running.hidden = true
        if (this.current) this.row(this.current, 'bad', words.codes[message.code])
        this.current = undefined
        this.verdict.replaceChildren(
          h('h2', { class: 'bad' }, words.refused),
          h('p', { class: 'reason' }, h('strong', {}, words.where(message.file, message.line)), '：', words.codes[message.code]),
          ...(message.shown ? [h('p', { class: 'quiet' }, words.stands), h('pre', {}, message.shown)] : []),
          ...(message.detail ? [h('p', { class: 'quiet' }, words.says), h('pre', {}, message.detail)] : []),
          h('p', { class: 'quiet mono', id: 'reason' }, `${message.file} ${message.line} ${message.code}`),
        )
        return
      }
      case 'broken':
        this.running.hidden = true
        this.verdict.replaceChildren(h('p', { class: 'card warn' }, words.broken), h('pre', {}, message.why))
    }
  }

  private progress(share: number): void {
    const current = this.current ? WEIGHTS[this.current] * share : 0
    this.bar.value = Math.min(1, (this.before + current) / TOTAL)
  }

  private row(step: Shown, state: 'now' | 'good' | 'bad' | 'none', says: string): void {
    const fresh = h('li', { class: state }, h('strong', {}, this.words.steps[step]), ' ', h('span', {}, says))
    const old = this.rows.get(step)
    if (old) old.replaceWith(fresh)
    else this.steps.append(fresh)
    this.rows.set(step, fresh)
  }

  private verified(summary: Summary, seconds: number): void {
    const { words } = this
    this.comparison.replaceChildren()
    this.verdict.replaceChildren(
      h('h2', { class: 'good' }, words.verified),
      h('p', {}, `${words.verifiedMore}${words.seconds(seconds)}。`),
      ...(summary.void ? [h('p', { class: 'card warn' }, words.voided(summary.void.reason))] : []),
      this.comparison,
      facts(words, summary),
    )
    this.compare('')
  }

  /** Compares the commitment with the one on the site and the one on a photograph. */
  compare(photographed: string): void {
    if (!this.commitment) return
    const { words } = this
    const lines: HTMLElement[] = [h('p', { class: 'commitment' }, groups(this.commitment))]
    const line = (good: boolean, says: string): HTMLElement =>
      h('p', {}, h('span', { class: `mark big ${good ? 'good' : 'wrong'}` }, says))
    if (this.published) {
      const same = this.published === this.commitment
      lines.push(line(same, same ? words.sameAsPortal : words.differentFromPortal))
    }
    if (photographed !== '') {
      const proper = /^[0-9a-f]{16,64}$/.test(photographed)
      const same = proper && this.commitment.startsWith(photographed)
      lines.push(proper ? line(same, same ? words.same : words.different) : h('p', { class: 'quiet' }, words.noHash))
    }
    this.comparison.replaceChildren(...lines)
  }
}

function facts(words: Words, s: Summary): HTMLElement {
  const list = h('dl', { class: 'facts' })
  const put = (name: string, value: Node | string): void => {
    list.append(h('div', {}, h('dt', {}, name), h('dd', {}, value)))
  }
  const f = words.facts
  put(f.draw, s.rules.draw)
  put(f.title, s.rules.title)
  put(f.departments, s.rules.departments.map((d) => d.name).join('、'))
  put(f.mode, words.modes[s.rules.mode.kind])
  put(f.ceremony, s.rules.ceremonyAt.replace('T', ' ').replace('+08:00', ''))
  put(f.objects, s.objects.toLocaleString('en-US'))
  put(f.inspectors, words.people(s.inspectors, s.experts))
  put(f.excluded, (s.excludedObjects + s.excludedInspectors).toLocaleString('en-US'))
  if (s.chance) {
    const { chance } = s
    const silent = chance.witnesses.filter((w) => !w.revealed).length
    put(f.drawn, words.drawn(s.drawn, s.reserves))
    put(f.substitutions, s.substitutions.toLocaleString('en-US'))
    put(f.witnesses, words.revealed(chance.witnesses.length, silent, chance.serverRevealed))
    put(f.last, chance.last.kind === 'dice'
      ? words.dice(chance.last.rolls.length, chance.last.sides)
      : words.drand(chance.last.round))
    put(f.seed, groups(chance.seed))
  }
  return list
}

