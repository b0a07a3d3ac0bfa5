import { readFileSync, readdirSync } from 'node:fs'
import type { Files } from '../src/files'
import { LIMITS } from '../src/files'

export const VECTORS = new URL('../../../draw/vectors/', import.meta.url).pathname

/** Names of the golden transcripts. */
export const names = readdirSync(VECTORS, { withFileTypes: true }).filter((e) => e.isDirectory()).map((e) => e.name)

export function read(name: string): Files {
  const present = new Set(readdirSync(VECTORS + name))
  const files: Files = new Map()
  for (const file of LIMITS.keys()) {
    if (present.has(file)) files.set(file, new Uint8Array(readFileSync(`${VECTORS}${name}/${file}`)))
  }
  return files
}
