import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import en from './en'

const AGENT = new URL('../../../src/', import.meta.url).pathname

/** A code and the Chinese words that go with it, as the agent's sources write refusals. */
const CODE = /"([a-z]+(?:_[a-z]+)+)",\s*(?:"\w+",\s*)?(?:&?format!\(\s*)?"[^"]*[\u4e00-\u9fff]/g
/** What stands in the way of signing, what a record is printed with, why a sync failed, faults by family: told elsewhere. */
const ELSEWHERE = /agent\/(completeness|ready|preview|status)\.rs|agent\/sync\/|api\/fault\.rs/

const sources = readdirSync(AGENT, { recursive: true, encoding: 'utf8' })
  .filter((name) => name.endsWith('.rs') && !ELSEWHERE.test(name) && !name.endsWith('tests.rs'))
  .map((name) => readFileSync(join(AGENT, name), 'utf8'))
const codes = [...new Set(sources.flatMap((text) => [...text.matchAll(CODE)].map((found) => found[1] ?? '')))]

// T1: English as well
it('has English words for each refusal of the agent', () => {
  expect(codes.length).toBeGreaterThan(50)
  expect(codes.filter((code) => !(code in en.problem))).toEqual([])
})
