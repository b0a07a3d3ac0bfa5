import { h } from './dom'
import type { Words } from './words'

export interface Actions {
  start(): void
  own(files: File[]): void
  typed(): void
  language(): void
}

/** What a visitor can do: type a commitment, verify the published transcript, or one of their own. */
export class Controls {
  readonly element: HTMLElement
  private readonly input: HTMLInputElement
  private readonly buttons: HTMLButtonElement[] = []

  constructor(words: Words, data: DOMStringMap, actions: Actions) {
    const { transcript, commitment } = data
    this.input = h('input', {
      id: 'photographed', class: 'mono', autocomplete: 'off', autocapitalize: 'off', spellcheck: 'false', maxlength: '120',
      'aria-describedby': 'photographed-hint',
    })
    this.input.addEventListener('input', () => actions.typed())
    const chooser = h('input', { type: 'file', multiple: true, hidden: true })
    chooser.addEventListener('change', () => {
      actions.own([...(chooser.files ?? [])])
      chooser.value = ''
    })
    const other = h('button', { type: 'button', class: 'plainly', lang: words.other === 'English' ? 'en' : 'zh-CN' }, words.other)
    other.addEventListener('click', () => actions.language())
    const own = h('button', { type: 'button', class: transcript ? 'second' : '' }, words.ownFile)
    own.addEventListener('click', () => chooser.click())
    this.buttons.push(own)
    const actionsRow = h('p', { class: 'actions' })
    if (transcript) {
      const start = h('button', { type: 'button' }, words.start)
      start.addEventListener('click', () => actions.start())
      this.buttons.push(start)
      actionsRow.append(start)
    }
    actionsRow.append(own, chooser)
    this.element = h('section', { class: 'card' },
      h('p', { class: 'language' }, other),
      h('p', {}, words.intro),
      h('p', { class: 'field' },
        h('label', { for: 'photographed' }, words.photographed), this.input,
        h('span', { class: 'quiet', id: 'photographed-hint' }, words.photographedHint)),
      ...(commitment ? [h('p', { class: 'quiet break' }, words.published(commitment))] : []),
      ...(transcript || !commitment ? [] : [h('p', {}, words.notYet)]),
      actionsRow,
      h('p', { class: 'quiet' }, words.ownHint),
    )
  }

  /** What was typed, without what cannot belong to it. */
  get photographed(): string {
    return this.input.value.replace(/[\s,，.-]+/g, '').toLowerCase()
  }

  set photographed(text: string) {
    this.input.value = text
  }

  busy(yes: boolean): void {
    for (const button of this.buttons) button.disabled = yes
  }
}
