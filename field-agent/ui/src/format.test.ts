import { describe, expect, it } from 'vitest'
import { fen, fromLocalInput, fullTime, longDate, shortTime, toLocalInput, yuan } from './format'

const NOON = Date.parse('2026-11-24T12:05:00+08:00')

describe('times are told in China time', () => {
  it.each([
    ['the same day', NOON, NOON + 3_600_000, '12:05'],
    ['another day of the year', NOON, NOON + 86_400_000, '11-24 12:05'],
    ['another year', NOON, NOON + 300 * 86_400_000, '2026-11-24 12:05'],
  ])('%s', (_, at, today, told) => expect(shortTime(at, today)).toBe(told))

  it('goes through an input and back', () => expect(fromLocalInput(toLocalInput(NOON))).toBe(NOON))
  it('reads no time out of nothing', () => expect(fromLocalInput('')).toBeUndefined())
  it.each([9.3e18, -9.3e18])('tells what is no date, %d, as none', (at) => {
    expect([shortTime(at), fullTime(at), toLocalInput(at)]).toEqual(['—', '—', ''])
  })
  it('writes dates as people do', () => expect(longDate('2026-01-05')).toBe('2026年1月5日'))
})

describe('money is kept in fen', () => {
  it.each([
    ['12', 1200],
    ['12.5', 1250],
    ['0.05', 5],
    ['12.345', undefined],
    ['-1', undefined],
    ['', undefined],
    ['一百', undefined],
  ])('%s', (typed, kept) => expect(fen(typed)).toBe(kept))

  it('is shown in yuan', () => expect(yuan(1250)).toBe('12.50'))
})
