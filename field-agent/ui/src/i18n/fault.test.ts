import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it, vi } from 'vitest'
import { type FaultFamily, faultWords, keptOut } from '../state/words'
import { i18n } from '.'
import en from './en'
import zh from './zh'

// What is tested asks no agent; its client only wants to know where one would be.
vi.hoisted(() => vi.stubGlobal('window', { location: { origin: 'http://tablet' } }))

const SOURCE = new URL('..', import.meta.url).pathname
const read = (name: string) => readFileSync(join(SOURCE, name), 'utf8')
const schemas = JSON.parse(read('../../openapi.json')).components.schemas as Record<string, { enum: string[] }>

const families: [FaultFamily, string][] = [
  ['record', 'RecordFault'],
  ['file', 'FileFault'],
  ['photo', 'PhotoRemark'],
  ['nearby', 'NearbyFault'],
  ['bundle', 'BundleFault'],
  ['cell', 'CellFault'],
]

// T1: English as well
describe.each(families)('the faults of a %s (%s)', (family, schema) => {
  const codes = [...(schemas[schema]?.enum ?? [])].sort()

  it('have words in both languages, each by its code', () => {
    expect(codes.length).toBeGreaterThan(0)
    expect(Object.keys(en.fault[family]).sort()).toEqual(codes)
    expect(Object.keys(zh.fault[family]).sort()).toEqual(codes)
  })

  it.each(codes)('are told in English: %s', (code) => {
    i18n.global.locale.value = 'en'
    const words = faultWords(family, code)
    expect(words).toMatch(/^[A-Z]/)
    expect(words).not.toMatch(/[\u4e00-\u9fff]/)
  })
})

// A refused cell is told by whichever of the two has its code.
it('has no code for a cell that is one of a refusal too', () =>
  expect(Object.keys(en.fault.cell).filter((code) => code in en.problem)).toEqual([]))

describe('what was not taken in is told in English', () => {
  const list = readFileSync(join(SOURCE, '../../../sync/src/admit.rs'), 'utf8').match(/pub enum Code \{([^}]*)\}/)?.[1] ?? ''
  const codes = [...list.matchAll(/^ {4}([A-Z]\w+),/gm)].map((found) => (found[1] ?? '').replace(/\B[A-Z]/g, '_$&').toLowerCase())

  it('knows the codes of admission', () => expect(codes).toContain('would_break'))

  it.each([...codes, 'bad_statement', 'office:bad_cell'])('%s', (code) => {
    i18n.global.locale.value = 'en'
    expect(keptOut(code)).toMatch(/^[A-Z]/)
  })
})

it('gives words by the code wherever the agent is quoted', () => {
  const pages = readdirSync(SOURCE, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.vue'))
  const quotes = pages.flatMap((name) => [...read(name).matchAll(/<ToldFault[^>]*>/g)].map(([tag]) => `${name}: ${tag}`))
  expect(quotes.length).toBeGreaterThan(8)
  expect(quotes.filter((tag) => !tag.includes(':words='))).toEqual([])
})
