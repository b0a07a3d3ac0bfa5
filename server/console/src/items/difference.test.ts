import { expect, test } from 'vitest'
import type { CheckPoint } from './api'
import { difference } from './difference'

const point = (id: string, no: number, content: string): CheckPoint => ({
  id,
  no,
  content,
  basis: '',
  requirement: '',
  method: '',
  answer: { kind: 'verdict' },
  photo: 'optional',
  note: 'optional',
})

test('a sheet tells what was added, removed and reworded; moving alone is no change', () => {
  const before = [point('a', 1, '亮照经营'), point('b', 2, '温度'), point('c', 3, '台账')]
  const after = [point('b', 1, '贮存温度'), point('a', 2, '亮照经营'), point('d', 3, '健康证明')]
  expect(difference(before, after)).toEqual([
    { kind: 'changed', no: 1, content: '贮存温度', before: '温度' },
    { kind: 'added', no: 3, content: '健康证明' },
    { kind: 'removed', no: 3, content: '台账' },
  ])
})
