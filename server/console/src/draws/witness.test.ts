import { expect, test } from 'vitest'
import { WITNESS_VALUE, witnessCommitment } from './witness'

test('a commitment is what sha256sum says of the three lines', async () => {
  const commitment = '9f2c41d07be85a13c4e6f09b8d7725ea61f3b09cc8d45e217a90be34f1d26c58'
  const expected = '71f41ab7832d3ef3013b8211ed00b57fc9ba376552b7cb0502ce6ccbbacf36fa'
  expect(await witnessCommitment(commitment, '李代表', 'spring-2026')).toBe(expected)
})

test.each([
  ['spring-2026', true],
  ['short', false],
  ['with space', false],
  ['x'.repeat(64), true],
  ['x'.repeat(65), false],
])('%s is a value: %s', (value, ok) => {
  expect(WITNESS_VALUE.test(value)).toBe(ok)
})
