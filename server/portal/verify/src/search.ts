import { textOf } from './bytes'
import { type Inspectors, inspectorId } from './inspectors'
import type { Excluded } from './lists'
import { type Objects, districtName, objectId } from './objects'
import { weekOf } from './result'
import type { Rules } from './rules'
import type { Selection } from './select'
import { sha256Lines } from './sha'
import type { Substitutions } from './substitutions'

/** Where somebody stands in a draw, found by id and salt. */
export interface Found {
  kind: 'object' | 'inspector'
  blinded: string
  /** Not in the draw at all, in the frame or pool, or kept out. */
  place: 'nowhere' | 'listed' | 'excluded'
  ground?: string
  cell?: number
  district?: string
  /** Rank of a drawn object, from 0. */
  rank?: number
  week?: number
  /** Place among the reserves of its cell, from 0. */
  reserve?: number
  /** What became of it afterwards. */
  later?: 'replaced' | 'dropped' | 'passed' | 'came'
  /** Who comes, as things stand. */
  inspectors?: string[]
  experts?: string[]
  /** Blinded ids of the objects to which an inspector or expert comes, at most 1000. */
  objects?: string[]
}

const MOST = 1000

/** Finds people and objects in a verified transcript. */
export class Search {
  drawn?: { selection: Selection; substitutions: Substitutions }

  constructor(
    private readonly rules: Rules,
    private readonly objects: Objects,
    private readonly pool: Inspectors,
    private readonly excluded: Excluded,
  ) {}

  find(kind: 'object' | 'inspector', id: string, salt: string): Found {
    const blinded = sha256Lines(salt, id)
    const bytes = Uint8Array.from(blinded, (c) => c.charCodeAt(0))
    const found: Found = { kind, blinded, place: 'nowhere' }
    const ground = this.excluded.ground(kind, bytes)
    const number = (kind === 'object' ? this.objects.byId : this.pool.byId).find(bytes, 0, 64)
    if (ground !== undefined) return { ...found, place: 'excluded', ground }
    if (number === -1) return found
    found.place = 'listed'
    return kind === 'object' ? this.object(found, number) : this.inspector(found, number)
  }

  private object(found: Found, object: number): Found {
    found.cell = this.objects.cells[object]! + 1
    found.district = districtName(this.objects, this.objects.districts[object]!)
    if (!this.drawn) return found
    const { selection, substitutions } = this.drawn
    const rank = selection.ranks[object]!
    if (rank !== -1) {
      found.rank = rank
      found.week = weekOf(this.rules, rank, selection.drawn.length)
    }
    const reserve = selection.reserves[this.objects.cells[object]!]!.indexOf(object)
    if (reserve !== -1) found.reserve = reserve
    if (substitutions.came.has(object)) found.later = 'came'
    const instead = substitutions.gone.get(object)
    if (instead !== undefined) {
      const inspected = rank !== -1 || substitutions.came.has(object)
      found.later = !inspected ? 'passed' : instead === -1 ? 'dropped' : 'replaced'
    }
    const standing = substitutions.of(object)
    if (standing) {
      const ids = (of: number[]): string[] => of.map((i) => textOf(inspectorId(this.pool, i)))
      found.inspectors = ids(standing.inspectors)
      found.experts = ids(standing.experts)
    }
    return found
  }

  private inspector(found: Found, inspector: number): Found {
    if (!this.drawn) return found
    const { selection, substitutions } = this.drawn
    found.objects = []
    for (const object of both(selection.drawn, substitutions.came.keys())) {
      if (!substitutions.comes(inspector, object)) continue
      if (found.objects.length === MOST) break
      found.objects.push(textOf(objectId(this.objects, object)))
    }
    return found
  }
}

function* both(one: Iterable<number>, other: Iterable<number>): Generator<number> {
  yield* one
  yield* other
}
