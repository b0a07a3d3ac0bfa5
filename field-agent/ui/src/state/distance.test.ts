import { expect, test } from 'vitest'
import { distanceText, seenFrom } from './distance'

const hall = { lat_e7: 225_431_000, lon_e7: 1_140_579_000 }

// F2: one thousandth of a degree of latitude is 111 m, of longitude at 22.5° north 103 m
test.each([
  [10_000, 0, 111, 'north'],
  [-10_000, 0, 111, 'south'],
  [0, 10_000, 103, 'east'],
  [0, -10_000, 103, 'west'],
  [10_000, 10_000, 151, 'north_east'],
  [0, 0, 0, 'north'],
])('a place %i, %i away is so far in a direction', (lat, lon, metres, direction) => {
  const seen = seenFrom(hall, { lat_e7: hall.lat_e7 + lat, lon_e7: hall.lon_e7 + lon })
  expect(Math.abs(seen.metres - metres)).toBeLessThanOrEqual(1)
  expect(seen.direction).toBe(direction)
})

test('metres and kilometres', () => {
  expect(distanceText(85)).toBe('85 m')
  expect(distanceText(1_249)).toBe('1.2 km')
})
