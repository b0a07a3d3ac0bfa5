/**
 * JSON as SPEC.md needs it: a strict parser that keeps what `JSON.parse` hides (a key that stands twice, how a number is
 * written), and the canonical form of RFC 8785.
 */
export type Json =
  | { kind: 'object'; entries: [string, Json][] }
  | { kind: 'array'; items: Json[] }
  | { kind: 'string'; text: string }
  | { kind: 'number'; text: string }
  | { kind: 'true' | 'false' | 'null' }

/** What is no JSON. */
export class NotJson extends Error {}

const DEEPEST = 100
const NUMBER = /-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?/y
const PLAIN = /[^"\\\u0000-\u001f]*/y
const ESCAPES: Record<string, string> = {
  '"': '"', '\\': '\\', '/': '/', b: '\b', f: '\f', n: '\n', r: '\r', t: '\t',
}

export function parse(text: string): Json {
  let at = 0
  const value = one(0)
  space()
  if (at !== text.length) bad('something after the end')
  return value

  function bad(why: string): never {
    throw new NotJson(`${why} (character ${at + 1})`)
  }
  function space(): void {
    while (at < text.length && ' \t\n\r'.includes(text[at]!)) at++
  }
  function take(c: string): boolean {
    space()
    if (text[at] !== c) return false
    at++
    return true
  }
  function word(w: 'true' | 'false' | 'null'): Json {
    if (!text.startsWith(w, at)) bad('not a value')
    at += w.length
    return { kind: w }
  }
  function one(depth: number): Json {
    if (depth > DEEPEST) bad('too deep')
    space()
    switch (text[at]) {
      case '{': return object(depth)
      case '[': return array(depth)
      case '"': return { kind: 'string', text: string() }
      case 't': return word('true')
      case 'f': return word('false')
      case 'n': return word('null')
      default: {
        NUMBER.lastIndex = at
        const found = NUMBER.exec(text)
        if (!found) bad('not a value')
        at += found[0].length
        return { kind: 'number', text: found[0] }
      }
    }
  }
  function object(depth: number): Json {
    const entries: [string, Json][] = []
    at++
    if (take('}')) return { kind: 'object', entries }
    do {
      space()
      if (text[at] !== '"') bad('not a key')
      const key = string()
      if (!take(':')) bad('no colon')
      entries.push([key, one(depth + 1)])
    } while (take(','))
    if (!take('}')) bad('the object does not end')
    return { kind: 'object', entries }
  }
  function array(depth: number): Json {
    const items: Json[] = []
    at++
    if (take(']')) return { kind: 'array', items }
    do items.push(one(depth + 1))
    while (take(','))
    if (!take(']')) bad('the list does not end')
    return { kind: 'array', items }
  }
  function string(): string {
    let out = ''
    at++
    for (;;) {
      PLAIN.lastIndex = at
      const plain = PLAIN.exec(text)![0]
      out += plain
      at += plain.length
      const c = text[at++]
      if (c === '"') break
      if (c !== '\\') bad('the text does not end')
      const escape = text[at++] ?? ''
      if (escape === 'u') {
        const digits = text.slice(at, at + 4)
        if (!/^[0-9a-fA-F]{4}$/.test(digits)) bad('not an escape')
        at += 4
        out += String.fromCharCode(parseInt(digits, 16))
      } else {
        out += ESCAPES[escape] ?? bad('not an escape')
      }
    }
    if (!out.isWellFormed()) bad('half a character')
    return out
  }
}

/** The canonical form (RFC 8785). Numbers are whole here, so their text is their canonical form. */
export function canonical(value: Json): string {
  switch (value.kind) {
    case 'object': {
      // RFC 8785 orders keys by their UTF-16 code units, as the language does.
      const sorted = [...value.entries].sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0))
      return `{${sorted.map(([key, v]) => `${JSON.stringify(key)}:${canonical(v)}`).join(',')}}`
    }
    case 'array': return `[${value.items.map(canonical).join(',')}]`
    case 'string': return JSON.stringify(value.text)
    case 'number': return value.text
    default: return value.kind
  }
}
