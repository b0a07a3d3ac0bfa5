import { fail } from './fault'

/** The files of a transcript by name. */
export type Files = Map<string, Uint8Array>

const KIB = 1024
const MIB = 1024 * KIB

/** The five committed files, in the order of `manifest.txt`. */
export const COMMITTED = ['avoid.csv', 'excluded.csv', 'inspectors.csv', 'objects.csv', 'rules.json'] as const

/**
 * The most bytes of each file (SPEC.md §1), in the order in which they are looked at. What SPEC.md lets grow to
 * gigabytes is held to 1 GiB here, the most that a browser holds in one piece.
 */
export const LIMITS: ReadonlyMap<string, number> = new Map([
  ['avoid.csv', 256 * MIB],
  ['excluded.csv', 512 * MIB],
  ['inspectors.csv', 64 * MIB],
  ['manifest.txt', 4 * KIB],
  ['objects.csv', 1024 * MIB],
  ['result.csv', 1024 * MIB],
  ['rules.json', 4 * MIB],
  ['seed.txt', 64 * KIB],
  ['substitutions.csv', 64 * MIB],
  ['openings.csv', 1024 * MIB],
  ['void.json', 4 * KIB],
])

/** All files of an unpacked transcript together. */
export const TOTAL_LIMIT = 1536 * MIB

/** What may be missing when a draw became void before it had a seed. */
const AFTER_THE_SEED = ['result.csv', 'seed.txt', 'substitutions.csv']

/** All files are there that must be, and none is too large (SPEC.md §1, §10 step 1). */
export function checkPresent(files: Files): void {
  const early = files.has('void.json') && AFTER_THE_SEED.every((name) => !files.has(name))
  for (const [name, limit] of LIMITS) {
    const bytes = files.get(name)
    if (bytes && bytes.length > limit) fail(name, 0, 'too-large', `${bytes.length} bytes`)
    const optional = name === 'openings.csv' || name === 'void.json' || (early && AFTER_THE_SEED.includes(name))
    if (!bytes && !optional) fail(name, 0, 'missing')
  }
}

/** A file that `checkPresent` has seen. */
export function file(files: Files, name: string): Uint8Array {
  return files.get(name) ?? fail(name, 0, 'missing')
}
