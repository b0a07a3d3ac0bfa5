import { describe, expect, test } from 'vitest'
import { type CellDraft, byRisk, cellOf, conditionText, draftsOf, drawnOf, inputOf, publicOf } from './cells'

const cell = (over: Partial<CellDraft>): CellDraft => cellOf({ risk_classes: ['A'], objects: 1800, percent: 3, ...over })

describe('how many of a cell are drawn', () => {
  test.each([
    ['a ratio is rounded up', cell({ objects: 101, percent: 5 }), 6],
    ['a ratio that comes out even is not', cell({ objects: 100, percent: 5 }), 5],
    ['parts of a percent count', cell({ objects: 4_200_000, percent: 0.0001 }), 5],
    ['a ratio of an empty cell draws nobody', cell({ objects: 0, percent: 5 }), 0],
    ['a number is taken as it is', cell({ by: 'number', number: 10 }), 10],
    ['a number larger than the cell takes all', cell({ by: 'number', objects: 7, number: 10 }), 7],
  ])('%s', (_, draft, drawn) => {
    expect(drawnOf(draft)).toBe(drawn)
  })
})

test('a cell comes back from the server as it was sent', () => {
  const draft = cell({ percent: 0.25, districts: ['440304'], tags: ['餐饮'] })
  const sent = inputOf(draft)
  expect(sent).toMatchObject({ risk_classes: ['A'], ratio_ppm: 2500, number: null, reserves: 5 })
  expect(draftsOf([{ ...sent, reserves: 5, objects: 1800 }])).toEqual([draft])
})

test('one cell for each class, the riskier the more', () => {
  const cells = byRisk([{ risk_class: 'A', objects: 10 }, { risk_class: '', objects: 2 }])
  expect(cells.map((c) => [c.risk_classes, c.percent, c.objects])).toEqual([[['A'], 3, 10], [[''], 5, 2]])
})

// D2: a name is public only where nothing internal decides who is in the cell.
test.each([
  ['districts alone', [{ districts: ['440304'] }, {}], [true, true]],
  ['behind a class', [{ districts: ['440304'] }, { risk_classes: ['D'] }, {}], [true, false, false]],
  ['a tag', [{ tags: ['餐饮'] }], [false]],
])('public names: %s', (_, cells, expected) => {
  expect(publicOf(cells.map((c) => cellOf(c)))).toEqual(expected)
})

test('conditions in words', () => {
  const t = (key: string, named?: Record<string, unknown>): string => (named ? `${key}:${Object.values(named).join()}` : key)
  const words = conditionText(cellOf({ risk_classes: ['D', ''], industries: ['F52 零售业'], tags: ['甲', '乙'] }), (c) => c, t)
  expect(words).toBe('registers.riskOf:D、plans.cell.none，零售业，plans.cell.tagged:甲＋乙')
  expect(conditionText(cellOf(), (c) => c, t)).toBe('plans.cell.rest')
})
