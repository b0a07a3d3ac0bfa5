/** `22.543096°N 114.057865°E` from 1e-7 degrees (WGS-84), or a dash. */
export function placeText(lat: number | null | undefined, lon: number | null | undefined): string {
  if (lat == null || lon == null) return '—'
  const degrees = (e7: number, plus: string, minus: string): string =>
    `${Math.abs(e7 / 1e7).toFixed(6)}°${e7 < 0 ? minus : plus}`
  return `${degrees(lat, 'N', 'S')} ${degrees(lon, 'E', 'W')}`
}
