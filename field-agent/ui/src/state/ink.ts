import type { Ink } from '../api/types'

/** What the record takes for the ink of a witness, in bytes (all of it is ASCII). */
export const INK_BYTES = 24_000

/**
 * Ink as text that fits into the record: where it is too long, every second point between the ends of
 * a stroke is left out until it fits. Undefined when even the ends alone are too many.
 */
export function smallInk(ink: Ink): string | undefined {
  let strokes = ink.strokes
  for (let turn = 0; turn < 12; turn += 1) {
    const text = JSON.stringify({ ...ink, strokes })
    if (text.length <= INK_BYTES) return text
    strokes = strokes.map((stroke) => stroke.filter((_, i) => i % 2 === 0 || i === stroke.length - 1))
  }
  return undefined
}
