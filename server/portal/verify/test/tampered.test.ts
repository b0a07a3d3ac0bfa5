import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import type { Files } from '../src/files'
import { verify } from '../src/verify'
import { VECTORS, read } from './transcripts'

interface Change { file: string; missing?: true; at: number; delete: number; insert?: string; insert_hex?: string }
interface Tampering { name: string; base: string; changes: Change[]; refused: { file: string; line: number; code: string } }

const table = JSON.parse(readFileSync(`${VECTORS}tampered.json`, 'utf8')) as Tampering[]

function apply(files: Files, changes: Change[]): Files {
  for (const change of changes) {
    if (change.missing) {
      files.delete(change.file)
      continue
    }
    const before = Buffer.from(files.get(change.file) ?? [])
    const insert = change.insert === undefined ? Buffer.from(change.insert_hex!, 'hex') : Buffer.from(change.insert)
    const after = Buffer.concat([before.subarray(0, change.at), insert, before.subarray(change.at + change.delete)])
    files.set(change.file, new Uint8Array(after))
  }
  return files
}

// D2: every verifier refuses the same transcripts with the same first reason.
describe('each manipulation is refused with its first reason', () => {
  test.each(table)('$name', ({ base, changes, refused }) => {
    const verdict = verify(apply(read(base), changes))
    const fault = 'fault' in verdict ? verdict.fault : undefined
    // The line of a JSON text may be left 0 (SPEC.md §10).
    const line = fault?.line === 0 && refused.file.endsWith('.json') && refused.code === 'form' ? 0 : refused.line
    expect(fault && { file: fault.file, line: fault.line, code: fault.code }).toEqual({ ...refused, line })
  })
})
