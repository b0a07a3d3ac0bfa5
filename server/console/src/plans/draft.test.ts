import { expect, test } from 'vitest'
import { blankDraft, bodyOf, codesOf, draftOf, mondayFrom, partOf, unusual } from './draft'

test('codes are read however they are pasted', () => {
  expect(codesOf('91440300MA5A0005XX\n91440300MA5A0006XX，a;b、c  d\n')).toEqual(['91440300MA5A0005XX', '91440300MA5A0006XX', 'a', 'b', 'c', 'd'])
  expect(codesOf(' \n')).toEqual([])
})

test('what a mode does not use is not sent', () => {
  const draft = { ...blankDraft('market', 2026), kind: 'census' as const, why: '《示例法》', district_minimum: 5, objects: 'a' }
  const body = bodyOf(draft)
  expect(body.mode).toEqual({ kind: 'census', basis: '《示例法》', from: '2026-03-02', weeks: 8 })
  expect([body.cells, body.district_minimum, body.objects]).toEqual([[], 0, []])
  expect(bodyOf({ ...draft, kind: 'inspectors' }).objects).toEqual(['a'])
})

test('a plan goes through the form and back', () => {
  const draft = { ...blankDraft('market', 2026), title: '示例', parts: [partOf('market'), { ...partOf('fire'), team: 3, deal: 'group' as const }] }
  const body = bodyOf(draft)
  const departments = draft.parts.map((p) => ({ ...p, state: 'asked' as const, note: '' }))
  const plan = { ...body, departments, items: [], cells: [], warnings: [], department: 'market', year: 2026, planned: 0, state: 'draft', named: 0 }
  expect(draftOf(plan as unknown as Parameters<typeof draftOf>[0], [])).toEqual(draft)
})

test.each([
  ['2026-11-23', '2026-11-23'],
  ['2026-11-24', '2026-11-30'],
  ['2026-11-29', '2026-11-30'],
])('the first Monday from %s', (date, monday) => {
  expect(mondayFrom(date)).toBe(monday)
})

// J1
test.each([
  [5, 2, false],
  [6, 2, true],
  [2, 6, true],
])('%i departments of %i inspectors', (departments, team, expected) => {
  const parts = Array.from({ length: departments }, (_, n) => ({ ...partOf(`d${n}`), team }))
  expect(unusual(parts)).toBe(expected)
})
