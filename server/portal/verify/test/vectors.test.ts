import { describe, expect, test } from 'vitest'
import { verify } from '../src/verify'
import { names, read } from './transcripts'

// D2: the golden transcripts of server/draw, recomputed by a program that knows nothing of the one that made them.
describe('every golden transcript verifies', () => {
  test.each(names)('%s', (name) => {
    const verdict = verify(read(name))
    expect('fault' in verdict ? verdict.fault : undefined).toBeUndefined()
  })
})
