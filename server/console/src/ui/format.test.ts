import { expect, test } from 'vitest'
import { bytes, dateTime, groups, longDate, ratio, shortTime } from './format'

test('times are told in China, wherever the reader sits', () => {
  expect(dateTime(Date.UTC(2026, 10, 24, 16, 5))).toBe('2026-11-25 00:05')
  expect(longDate(Date.UTC(2026, 10, 24, 16, 5))).toBe('2026年11月25日')
  expect(longDate('2026-03-01')).toBe('2026年3月1日')
  expect(dateTime(null)).toBe('—')
})

test.each([9.3e18, -9.3e18, 8.65e15])('what is no date, %d, is told as none', (at) => {
  expect(dateTime(at)).toBe('—')
  expect(shortTime(at)).toBe('—')
  expect(longDate(at)).toBe('—')
})

test('numbers carry their units', () => {
  expect(ratio(30_000)).toBe('3%')
  expect(ratio(2_500)).toBe('0.25%')
  expect(bytes(1_468_006)).toBe('1.4 MB')
  expect(bytes(900)).toBe('900 B')
})

test('a hash is cut into groups of eight', () => {
  expect(groups('0123456789abcdef')).toEqual(['01234567', '89abcdef'])
})
