import { groups, h } from './dom'
import type { Found } from './search'
import type { Summary } from './verify'
import type { Words } from './words'

/** "Search yourself": id and salt of one's own notice. */
export class SearchForm {
  readonly element: HTMLElement
  private readonly result = h('div', { role: 'status', id: 'found' })
  private hasSeed = true

  constructor(private readonly words: Words, find: (of: 'object' | 'inspector', id: string, salt: string) => void) {
    const s = words.search
    const kind = (value: string, label: string, checked: boolean): HTMLElement =>
      h('label', { class: 'choice' }, h('input', { type: 'radio', name: 'kind', value, checked }), ' ', label)
    const id = h('input', { id: 'own-id', class: 'mono', autocomplete: 'off', autocapitalize: 'off', spellcheck: 'false', maxlength: '64', required: true })
    const salt = h('input', { id: 'own-salt', class: 'mono', autocomplete: 'off', autocapitalize: 'off', spellcheck: 'false', maxlength: '100', required: true })
    const form = h('form', {},
      h('p', {}, kind('object', s.object, true), ' ', kind('inspector', s.inspector, false)),
      h('p', { class: 'field' }, h('label', { for: 'own-id' }, s.id), id),
      h('p', { class: 'field' }, h('label', { for: 'own-salt' }, s.salt), salt),
      h('p', { class: 'actions' }, h('button', {}, s.find)),
    )
    form.addEventListener('submit', (event) => {
      event.preventDefault()
      const digits = salt.value.replace(/\s+/g, '').toLowerCase()
      if (!/^[0-9a-f]{64}$/.test(digits)) {
        this.result.replaceChildren(h('p', { class: 'card warn' }, s.saltWrong))
        return
      }
      const of = new FormData(form).get('kind') === 'inspector' ? 'inspector' : 'object'
      find(of, id.value.trim(), digits)
    })
    this.element = h('section', { class: 'card' }, h('h2', {}, s.title), h('p', {}, s.intro), form, this.result)
    this.element.hidden = true
  }

  hide(): void {
    this.element.hidden = true
    this.result.replaceChildren()
  }

  offer(summary: Summary): void {
    this.hasSeed = summary.chance !== undefined
    this.element.hidden = false
  }

  show(found: Found | undefined): void {
    if (!found) return
    const s = this.words.search
    const lines: HTMLElement[] = [h('p', {}, `${s.blinded} `, groups(found.blinded))]
    const mark = (tone: string, says: string): void => {
      lines.push(h('p', {}, h('span', { class: `mark big ${tone}` }, says)))
    }
    const ids = (title: string, all: string[]): void => {
      lines.push(h('h3', {}, title), h('ul', { class: 'ids' }, ...all.map((id) => h('li', {}, groups(id)))))
    }
    if (found.place === 'nowhere') mark('warn', s.nowhere)
    else if (found.place === 'excluded') mark('warn', s.excluded(found.ground ?? ''))
    else {
      lines.push(h('p', {}, found.kind === 'object' ? s.listed(found.cell ?? 0, found.district ?? '') : s.pool))
      if (!this.hasSeed) mark('warn', s.noSeed)
      else if (found.kind === 'object') this.object(found, mark, ids)
      else ids(s.comesTo(found.objects?.length ?? 0), found.objects ?? [])
    }
    this.result.replaceChildren(...lines)
  }

  private object(found: Found, mark: (tone: string, says: string) => void, ids: (title: string, all: string[]) => void): void {
    const s = this.words.search
    if (found.rank !== undefined) mark('info', s.drawn(found.rank))
    else mark('', found.reserve === undefined ? s.notDrawn : s.reserve(found.reserve))
    if (found.week !== undefined) mark('info', s.week(found.week))
    if (found.later) mark('warn', s.later[found.later])
    if (found.inspectors && found.inspectors.length > 0) ids(s.who, found.inspectors)
    if (found.experts && found.experts.length > 0) ids(s.experts, found.experts)
  }
}
