/** An element with attributes and children; texts are texts, never markup. */
export function h<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  attributes: Record<string, string | boolean> = {},
  ...children: (Node | string)[]
): HTMLElementTagNameMap[K] {
  const element = document.createElement(tag)
  for (const [name, value] of Object.entries(attributes)) {
    if (value === true) element.setAttribute(name, '')
    else if (value !== false) element.setAttribute(name, value)
  }
  element.append(...children)
  return element
}

/** A hash in groups of eight, as on the photograph. */
export function groups(hash: string): HTMLElement {
  return h('span', { class: 'hash mono' }, ...(hash.match(/.{1,8}/g) ?? []).map((part) => h('span', {}, part)))
}
