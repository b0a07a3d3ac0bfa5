/** The eight winds, clockwise from north. */
export const directions = ['north', 'north_east', 'east', 'south_east', 'south', 'south_west', 'west', 'north_west'] as const
export type Direction = (typeof directions)[number]

export interface Place {
  lat_e7: number
  lon_e7: number
}

/** Mean radius of the Earth in metres. */
const EARTH_M = 6_371_008.8
const radians = (e7: number) => (e7 / 1e7) * (Math.PI / 180)

/** Where `there` lies as seen from `from`: whole metres, and one of eight directions. */
export function seenFrom(from: Place, there: Place): { metres: number; direction: Direction } {
  const [a, b] = [radians(from.lat_e7), radians(there.lat_e7)]
  const dLon = radians(there.lon_e7 - from.lon_e7)
  const half = Math.sin((b - a) / 2) ** 2 + Math.cos(a) * Math.cos(b) * Math.sin(dLon / 2) ** 2
  const metres = Math.round(2 * EARTH_M * Math.asin(Math.min(1, Math.sqrt(half))))
  const bearing = Math.atan2(Math.sin(dLon) * Math.cos(b), Math.cos(a) * Math.sin(b) - Math.sin(a) * Math.cos(b) * Math.cos(dLon))
  const eighth = Math.round(((bearing * 180) / Math.PI + 360) / 45) % 8
  return { metres, direction: directions[eighth] ?? 'north' }
}

/** Metres as people say them: `85 m`, `1.2 km`. */
export function distanceText(metres: number): string {
  return metres < 1000 ? `${metres} m` : `${(metres / 1000).toFixed(1)} km`
}
