import { LF, textOf } from './bytes'
import { type Code, fail } from './fault'
import { checkText } from './lines'
import { MILLIBITS, type Rules } from './rules'
import { sha256Hex, sha256Lines } from './sha'
import { drandIsSigned } from './drand'

const NAME = 'seed.txt'
const MOST_WITNESSES = 200
const ENOUGH = 128_000

const PERSON = /^[A-Za-z0-9\-\u00b7\u3400-\u4dbf\u4e00-\u9fff\u{20000}-\u{3ffff}]{1,20}$/u
const VALUE = /^[A-Za-z0-9-]{8,64}$/
const HASH = /^[0-9a-f]{64}$/
const SIGNATURE = /^[0-9a-f]{96}$/
const NUMBER = /^(0|[1-9][0-9]{0,15})$/

export interface Chance {
  seed: string
  witnesses: { name: string; revealed: boolean }[]
  serverRevealed: boolean
  last: { kind: 'dice'; sides: number; rolls: number[] } | { kind: 'drand'; round: number }
}

/** Reads and checks `seed.txt` (SPEC.md §4, §10 step 6). */
export function readSeed(bytes: Uint8Array, rules: Rules, commitment: string): Chance {
  checkText(NAME, bytes)
  const lines: string[] = []
  for (let from = 0; from < bytes.length; ) {
    const to = bytes.indexOf(LF, from)
    lines.push(textOf(bytes, from, to))
    from = to + 1
  }
  let at = 0
  const bad = (code: Code, detail = ''): never => fail(NAME, at + 1, code, detail)
  const words = (): string[] => (lines[at] ?? fail(NAME, lines.length, 'form', 'a line is missing behind it')).split(' ')

  const first = words()
  if (first.length !== 2 || first[0] !== 'commitment' || !HASH.test(first[1]!)) bad('form', 'commitment')
  if (first[1] !== commitment) bad('commitment', `it is ${commitment}`)

  const witnesses: Chance['witnesses'] = []
  const names = new Set<string>()
  let serverRevealed = false
  for (at = 1; ; at++) {
    const [kind, name, hash, value, ...more] = words()
    if (kind === 'server' || (kind === 'withheld' && name === 'server')) {
      serverRevealed = kind === 'server'
      const given = serverRevealed ? [name, hash] : [hash]
      const rest = serverRevealed ? value : (value ?? more[0])
      if (rest !== undefined || more.length > 0 || given.some((h) => !HASH.test(h ?? ''))) bad('form', 'server')
      if (given[0] !== rules.nonceSha256) bad('reveal', 'the hash of the server is that of the rules')
      if (serverRevealed && sha256Lines(hash!) !== rules.nonceSha256) bad('reveal', 'server')
      break
    }
    if (witnesses.length === MOST_WITNESSES) bad('too-large', 'too many witnesses')
    if (kind !== 'witness' && kind !== 'withheld') bad('form', 'neither witness nor server')
    if (!PERSON.test(name ?? '') || name === 'server' || !HASH.test(hash ?? '')) bad('form', 'name or hash')
    if (more.length > 0 || (kind === 'witness') !== (value !== undefined)) bad('form', 'number of words')
    if (kind === 'witness' && !VALUE.test(value!)) bad('form', 'value')
    if (names.has(name!)) bad('duplicate', name!)
    names.add(name!)
    if (kind === 'witness' && sha256Lines(commitment, name!, value!) !== hash) bad('reveal', name!)
    witnesses.push({ name: name!, revealed: kind === 'witness' })
  }

  at++
  const last = lastSource(words(), rules, bad)
  if (last.kind === 'drand') {
    const signature = words()[2]!
    if (!drandIsSigned(last.round, signature)) bad('drand', `round ${last.round}`)
  }
  at++
  if (at < lines.length) bad('form', 'something after the last source')
  const bits = (last.kind === 'dice' ? last.rolls.length * MILLIBITS[last.sides]! : 256_000) + (serverRevealed ? 256_000 : 0)
  if (bits < ENOUGH) fail(NAME, 0, 'entropy', `${bits} thousandths of a bit`)
  return { seed: sha256Hex(bytes), witnesses, serverRevealed, last }
}

function lastSource(words: string[], rules: Rules, bad: (code: Code, detail?: string) => never): Chance['last'] {
  const [kind, ...rest] = words
  if (kind !== rules.last.kind) bad('form', `not ${rules.last.kind}`)
  if (rules.last.kind === 'dice') {
    const numbers = rest.map((n) => (NUMBER.test(n) ? Number(n) : bad('form', n)))
    const [sides, ...rolls] = numbers
    if (sides !== rules.last.sides || rolls.length !== rules.last.rolls) bad('form', 'not the dice of the rules')
    if (rolls.some((roll) => roll < 1 || roll > sides!)) bad('form', 'no such roll')
    return { kind: 'dice', sides: sides!, rolls }
  }
  if (rest.length !== 2 || rest[0] !== String(rules.last.round) || !SIGNATURE.test(rest[1]!)) bad('form', 'drand')
  return { kind: 'drand', round: rules.last.round }
}
