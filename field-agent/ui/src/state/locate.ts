import type { Scalar } from '../api/types'

export type LocateFault = 'denied' | 'timeout' | 'unavailable'

/** Cells of the place, by path. */
export type PlaceCells = Record<string, Scalar>

const WAIT_MS = 20_000

/**
 * Asks the tablet where it is. The browser does not name its source: a reading with a height comes
 * from satellites, one without from networks.
 */
export function locate(): Promise<PlaceCells> {
  return new Promise((done, fail) => {
    if (!('geolocation' in navigator)) return fail('unavailable' satisfies LocateFault)
    navigator.geolocation.getCurrentPosition(
      ({ coords }) =>
        done({
          'visit/lat_e7': Math.round(coords.latitude * 1e7),
          'visit/lon_e7': Math.round(coords.longitude * 1e7),
          'visit/accuracy_cm': Math.round(coords.accuracy * 100),
          'visit/place_source': coords.altitude === null ? 'network' : 'gps',
        }),
      (error) => {
        const faults: Record<number, LocateFault> = { 1: 'denied', 2: 'unavailable', 3: 'timeout' }
        fail(faults[error.code] ?? 'unavailable')
      },
      { enableHighAccuracy: true, timeout: WAIT_MS, maximumAge: 0 },
    )
  })
}

export function isLocateFault(value: unknown): value is LocateFault {
  return value === 'denied' || value === 'timeout' || value === 'unavailable'
}
