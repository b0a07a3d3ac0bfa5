import { deal } from './deal'
import { Eligible } from './eligible'
import { Fault } from './fault'
import { type Files, checkPresent, file } from './files'
import { readInspectors } from './inspectors'
import { checkManifest, checkOpenings, readAvoid, readExcluded } from './lists'
import { readObjects } from './objects'
import { checkResult } from './result'
import { type Rules, type Void, readRules, readVoid } from './rules'
import { Search } from './search'
import { type Chance, readSeed } from './seed'
import { select } from './select'
import { Substitutions } from './substitutions'

/** The steps of SPEC.md §10, in their order. */
export const STEPS = [
  'present', 'manifest', 'rules', 'objects', 'inspectors', 'avoid', 'excluded', 'servable', 'seed', 'selection', 'deal',
  'result', 'substitutions', 'openings', 'void',
] as const
export type Step = (typeof STEPS)[number]

/** What a transcript says, once all of it was recomputed. */
export interface Summary {
  rules: Rules
  commitment: string
  objects: number
  inspectors: number
  experts: number
  avoidances: number
  excludedObjects: number
  excludedInspectors: number
  /** Missing where the draw became void before it had a seed. */
  chance?: Chance
  drawn: number
  reserves: number
  substitutions: number
  /** How many were opened; missing where there are no openings. */
  opened?: number
  void?: Void
}

/** What to tell while it computes. */
export interface Listener {
  /** A step has begun. */
  begin?(step: Step): void
  /** Share of the step that is done. */
  progress?(share: number): void
  /** The step is done; `count` is of what it looked at, where that is a number. `skipped`: its file is not there. */
  done?(step: Step, count?: number, skipped?: boolean): void
}

export type Verdict = { summary: Summary; search: Search } | { fault: Fault }

/** Verifies a transcript: everything is computed anew from the committed files and the seed. */
export function verify(files: Files, listener: Listener = {}): Verdict {
  try {
    return run(files, listener)
  } catch (error) {
    if (error instanceof Fault) return { fault: error }
    throw error
  }
}

function run(files: Files, listener: Listener): Verdict {
  const progress = (share: number): void => listener.progress?.(share)
  function step<T>(name: Step, work: () => T, count?: (value: T) => number): T {
    listener.begin?.(name)
    const value = work()
    listener.done?.(name, count?.(value))
    return value
  }
  const skip = (...names: Step[]): void => names.forEach((name) => listener.done?.(name, undefined, true))

  step('present', () => checkPresent(files), () => files.size)
  const commitment = step('manifest', () => checkManifest(files, progress))
  const rules = step('rules', () => readRules(file(files, 'rules.json')))
  const objects = step('objects', () => readObjects(file(files, 'objects.csv'), rules, progress), (o) => o.count)
  const pool = step('inspectors', () => readInspectors(file(files, 'inspectors.csv'), rules), (p) => p.count)
  const avoid = step('avoid', () => readAvoid(file(files, 'avoid.csv'), objects, pool), (a) => a.count)
  const excluded = step('excluded', () => readExcluded(file(files, 'excluded.csv'), objects, pool),
    (e) => e.objects + e.inspectors)
  const eligible = new Eligible(rules, objects, pool, avoid)
  step('servable', () => eligible.check(progress), () => objects.count)

  const experts = pool.experts.subarray(0, pool.count).reduce((n, e) => n + e, 0)
  const summary: Summary = {
    rules,
    commitment,
    objects: objects.count,
    inspectors: pool.count - experts,
    experts,
    avoidances: avoid.count,
    excludedObjects: excluded.objects,
    excludedInspectors: excluded.inspectors,
    drawn: 0,
    reserves: 0,
    substitutions: 0,
  }
  const search = new Search(rules, objects, pool, excluded)
  if (files.has('seed.txt')) {
    const chance = step('seed', () => readSeed(file(files, 'seed.txt'), rules, commitment), (c) => c.witnesses.length)
    const selection = step('selection', () => select(rules, objects, chance.seed, progress), (s) => s.drawn.length)
    const teams = step('deal', () => deal(rules, eligible, selection, chance.seed, progress), () => selection.drawn.length)
    const result = file(files, 'result.csv')
    step('result', () => checkResult(result, rules, objects, pool, selection, teams, progress))
    const substitutions = new Substitutions(eligible, selection, teams, chance.seed, result)
    step('substitutions', () => substitutions.check(file(files, 'substitutions.csv')), () => substitutions.count)
    summary.chance = chance
    summary.drawn = selection.drawn.length
    summary.reserves = selection.reserves.reduce((n, r) => n + r.length, 0)
    summary.substitutions = substitutions.count
    search.drawn = { selection, substitutions }
  } else {
    skip('seed', 'selection', 'deal', 'result', 'substitutions')
  }
  const openings = files.get('openings.csv')
  if (openings) summary.opened = step('openings', () => checkOpenings(openings, objects, pool, excluded), (n) => n)
  else skip('openings')
  const voided = files.get('void.json')
  if (voided) summary.void = step('void', () => readVoid(voided, commitment))
  else skip('void')
  return { summary, search }
}
