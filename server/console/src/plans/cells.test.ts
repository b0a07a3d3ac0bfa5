import { describe, expect, test } from 'vitest'
import { type CellDraft, draftsOf, drawnOf, inputOf } from './cells'

const cell = (over: Partial<CellDraft>): CellDraft => ({ risk_class: 'A', objects: 1800, by: 'ratio', percent: 3, number: 0, reserves: 5, ...over })

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
  const draft = cell({ percent: 0.25 })
  expect(inputOf(draft)).toEqual({ risk_class: 'A', ratio_ppm: 2500, number: null, reserves: 5 })
  expect(draftsOf([{ ...inputOf(draft), objects: 1800 }])).toEqual([draft])
})
