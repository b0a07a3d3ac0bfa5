import { type Zippable, zipSync } from 'fflate'
import { describe, expect, test } from 'vitest'
import { unpack } from '../src/archive'
import { Fault } from '../src/fault'
import { COMMITTED } from '../src/files'
import { sha256Hex } from '../src/sha'
import { verify } from '../src/verify'
import { read } from './transcripts'

const zip = (files: Zippable): Uint8Array => zipSync(files, { mtime: '2026-11-24' })
const honest = (): Zippable => Object.fromEntries(read('plain'))

function refused(bytes: Uint8Array): Fault {
  try {
    unpack(bytes)
  } catch (error) {
    if (error instanceof Fault) return error
    throw error
  }
  throw new Error('it was unpacked')
}

// D2, S2: what strangers may send.
describe('archives', () => {
  test('a transcript is unpacked and verifies', () => {
    expect('summary' in verify(unpack(zip(honest())))).toBe(true)
  })

  test.each(['../rules.json', '/rules.json', 'transcript/rules.json', '..\\rules.json', 'setup.exe', 'RULES.JSON'])(
    '%s does not belong', (name) => {
      expect(refused(zip({ ...honest(), [name]: new Uint8Array(1) }))).toMatchObject({ file: 'archive', code: 'archive' })
    })

  test('a bomb is refused before it is unpacked', () => {
    const bomb = zip({ 'objects.csv': new Uint8Array(64 << 20), 'manifest.txt': new Uint8Array(64 << 10) })
    const from = performance.now()
    expect(refused(bomb)).toMatchObject({ file: 'manifest.txt', code: 'too-large' })
    expect(performance.now() - from).toBeLessThan(1000)
  })

  test('a size that lies stops at what was said', () => {
    const bomb = zip({ 'objects.csv': new Uint8Array(64 << 20) })
    const view = new DataView(bomb.buffer)
    // The directory says 1000 bytes.
    for (let at = 0; at < bomb.length - 46; at++) {
      if (view.getUint32(at, true) === 0x02014b50) view.setUint32(at + 24, 1000, true)
    }
    expect(refused(bomb)).toMatchObject({ code: 'archive' })
  })

  test('a size that the packed bytes cannot hold is refused without reserving it', () => {
    const small = zip({ 'objects.csv': new Uint8Array(100) })
    const view = new DataView(small.buffer)
    for (let at = 0; at < small.length - 46; at++) {
      if (view.getUint32(at, true) === 0x02014b50) view.setUint32(at + 24, 1 << 29, true)
    }
    expect(refused(small)).toMatchObject({ code: 'archive' })
  })

  test('whatever byte is broken, it is refused or still verifies, and never hangs', () => {
    const whole = zip(honest())
    for (let at = 0; at < whole.length; at += 97) {
      const broken = whole.slice()
      broken[at]! ^= 0x20
      let files
      try {
        files = unpack(broken)
      } catch (error) {
        expect(error).toBeInstanceOf(Fault)
        continue
      }
      expect('summary' in verify(files)).toBe(true)
    }
  }, 60_000)

  test.each([0, 1, 21, 22, 100])('the first %i bytes are no archive', (n) => {
    expect(refused(zip(honest()).slice(0, n))).toMatchObject({ code: 'archive' })
  })
})

describe('hostile files', () => {
  const within = (seconds: number, work: () => void): void => {
    const from = performance.now()
    work()
    expect((performance.now() - from) / 1000).toBeLessThan(seconds)
  }

  test('a million cells are refused in bounded time', () => {
    const files = read('plain')
    const rules = new TextDecoder().decode(files.get('rules.json'))
    const cells = Array.from({ length: 60_000 }, (_, n) =>
      `{"cell":"${String(n + 1).padStart(4, '0')}","label":"","pick":{"ppm":1},"reserves":0}`)
    files.set('rules.json', new TextEncoder().encode(rules.replace(/"cells":\[.*?\]/, () => `"cells":[${cells.join(',')}]`)))
    const lines = COMMITTED.map((name) => `${sha256Hex(files.get(name)!)}  ${name}\n`)
    files.set('manifest.txt', new TextEncoder().encode(lines.join('')))
    within(5, () => expect(verify(files)).toMatchObject({ fault: { file: 'rules.json', line: 0, code: 'rule' } }))
  })

  test('brackets without end are refused', () => {
    const files = read('plain')
    files.set('void.json', new TextEncoder().encode('['.repeat(4096)))
    within(5, () => expect(verify(files)).toMatchObject({ fault: { file: 'void.json', code: 'form' } }))
  })
})
