import { expect, it } from 'vitest'
import { demanded, type Demand } from './points'

const cases: [Demand, string, boolean][] = [
  ['never', 'non_compliant', false],
  ['optional', 'non_compliant', false],
  ['on_non_compliant', 'non_compliant', true],
  ['on_non_compliant', 'compliant', false],
  ['always', 'compliant', true],
  ['always', '', false],
]

// L4: whether a photo or a note is compulsory, and on which answer
it.each(cases)('a demand "%s" with the answer "%s"', (demand, answer, due) => expect(demanded(demand, answer)).toBe(due))
