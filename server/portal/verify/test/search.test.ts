import { describe, expect, test } from 'vitest'
import type { Search } from '../src/search'
import { verify } from '../src/verify'
import { read } from './transcripts'

const rows = (bytes: Uint8Array): string[][] =>
  new TextDecoder().decode(bytes).trimEnd().split('\n').slice(1).map((line) => line.split(','))

// X1: whoever has id and salt finds themselves.
describe('search yourself', () => {
  const files = read('withheld-server-openings')
  const verdict = verify(files)
  const search = 'search' in verdict ? verdict.search : (undefined as unknown as Search)
  const result = rows(files.get('result.csv')!)

  test('every opened object finds what the result says of it', () => {
    let drawn = 0
    for (const [kind, id, salt] of rows(files.get('openings.csv')!)) {
      if (kind !== 'object') continue
      const found = search.find('object', id!, salt!)
      expect(found.place).toBe('listed')
      const row = result.find((r) => r[2] === found.blinded && r[4] === 'drawn')
      expect(found.rank).toBe(row ? Number(row[0]) : undefined)
      if (row) expect(found.inspectors).toEqual(row[6]!.split(' '))
      drawn += row ? 1 : 0
    }
    expect(drawn).toBe(50)
  })

  test('every opened inspector finds the objects to come to', () => {
    for (const [kind, id, salt] of rows(files.get('openings.csv')!)) {
      if (kind !== 'inspector') continue
      const found = search.find('inspector', id!, salt!)
      expect(found.objects).toEqual(result.filter((r) => r[6]!.includes(found.blinded)).map((r) => r[2]))
    }
  })

  test('a wrong salt leads nowhere', () => {
    expect(search.find('object', 'object-1', '0'.repeat(64)).place).toBe('nowhere')
  })
})
