import { expect, test } from 'vitest'
import { INK_BYTES, smallInk } from './ink'

const stroke = (points: number) => Array.from({ length: points }, (_, t) => ({ x: 1000 + t, y: 2000 + t, t }))

test('short ink is kept as it is', () => {
  const ink = { width: 600, height: 240, strokes: [stroke(20)] }
  expect(JSON.parse(smallInk(ink) ?? '')).toEqual(ink)
})

test('long ink keeps its strokes and their ends', () => {
  const text = smallInk({ width: 600, height: 240, strokes: [stroke(5000), stroke(3), stroke(1)] }) ?? ''
  expect(text.length).toBeLessThanOrEqual(INK_BYTES)
  const { strokes } = JSON.parse(text) as { strokes: { x: number }[][] }
  expect(strokes.map((s) => s[0]?.x)).toEqual([1000, 1000, 1000])
  expect(strokes[0]?.at(-1)?.x).toBe(1000 + 4999)
})

test('ink of too many strokes is refused', () => {
  expect(smallInk({ width: 600, height: 240, strokes: Array.from({ length: 3000 }, () => stroke(1)) })).toBeUndefined()
})
