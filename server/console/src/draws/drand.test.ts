import { expect, test } from 'vitest'
import { firstRoundAfter, roundAt, timeLeft } from './drand'

test.each([
  [0, 1],
  [1_692_803_367_000, 1],
  [1_692_803_367_001, 2],
  [1_692_803_370_000, 2],
  [1_692_803_733_000, 123],
])('the first round at or after %i is %i', (at, round) => {
  expect(firstRoundAfter(at)).toBe(round)
  expect(roundAt(round)).toBeGreaterThanOrEqual(at)
})

test.each([
  [61_000, '01:01'],
  [3_661_000, '1:01:01'],
  [1, '00:01'],
  [0, ''],
  [-5, ''],
])('%i ms are %s', (left, text) => {
  expect(timeLeft(left, 0)).toBe(text)
})
