/** drand quicknet: a round every 3 seconds since its beginning. */
const GENESIS = 1_692_803_367_000
const PERIOD = 3000
/** A round must lie at least so long after the last reveal. */
export const MARGIN = 60_000

/** The first round that comes into being at or after this moment, milliseconds since the Unix epoch. */
export const firstRoundAfter = (at: number): number => Math.ceil(Math.max(0, at - GENESIS) / PERIOD) + 1

/** When a round comes into being, milliseconds since the Unix epoch. */
export const roundAt = (round: number): number => GENESIS + PERIOD * (round - 1)

/** How long until a moment, as `02:15` or `1:02:15`; empty once it has come. */
export function timeLeft(until: number, now: number): string {
  const seconds = Math.ceil((until - now) / 1000)
  if (seconds <= 0) return ''
  const two = (n: number): string => String(n).padStart(2, '0')
  const [h, m, s] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60]
  return h ? `${h}:${two(m)}:${two(s)}` : `${two(m)}:${two(s)}`
}
