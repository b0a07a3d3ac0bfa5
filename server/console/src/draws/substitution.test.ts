import { expect, test } from 'vitest'
import { followedKey, freshId } from './substitution'

test('an id is a UUID of version 4, a new one each time', () => {
  const id = freshId()
  expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/)
  expect(freshId()).not.toBe(id)
})

test('a seat that nobody takes is told as such', () => {
  const row = { number: 1, object: 'o', object_name: 'o', leaves_name: 'p' }
  expect(followedKey({ ...row, kind: 'relief', comes_name: 'q' })).toBe('relief')
  expect(followedKey({ ...row, kind: 'relief' })).toBe('relief_none')
  expect(followedKey({ ...row, kind: 'drop' })).toBe('drop')
})
