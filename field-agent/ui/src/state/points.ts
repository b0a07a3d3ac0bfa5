import type { CheckPoint } from '../api/types'
import type { OpenRecord } from './record'

export type Demand = CheckPoint['photo']

/** Whether a demand for a note or photo is in force for an answer. */
export function demanded(demand: Demand, answer: string): boolean {
  if (answer === '') return false
  return demand === 'always' || (demand === 'on_non_compliant' && answer === 'non_compliant')
}

export interface PointState {
  answer: string
  photos: number
  noteMissing: boolean
  photoMissing: boolean
  conflict: boolean
  /** Answered, with what the answer demands, and settled. */
  done: boolean
}

/** What is known of a check point and whether something is still to do. */
export function pointState(record: OpenRecord, item: string, point: CheckPoint): PointState {
  const path = `point/${item}/${point.point}`
  const answer = record.text(`${path}/answer`)
  const photos = record.photosAt.value.get(`${item}/${point.point}`)?.length ?? 0
  const noteMissing = demanded(point.note, answer) && record.text(`${path}/note`).trim() === ''
  const photoMissing = demanded(point.photo, answer) && photos === 0
  const conflict = Boolean(record.cell(`${path}/answer`)?.conflict || record.cell(`${path}/note`)?.conflict)
  return { answer, photos, noteMissing, photoMissing, conflict, done: answer !== '' && !noteMissing && !photoMissing && !conflict }
}
