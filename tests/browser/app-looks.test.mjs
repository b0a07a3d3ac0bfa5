// Every screen of the tablet app, looked at as people see it: in the sun, in large letters, upright and
// across, with gloves, by keyboard, in English. Real agent and server.
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { axe, inLargest, look, wear } from './app-eyes.mjs'
import { complete, doorScreens, signScreens, workScreens, zh } from './app-screens.mjs'
import { at, openStage } from './stage.mjs'

const UPRIGHT = { width: 820, height: 1180 }
const VIEWS = [UPRIGHT, { width: 1180, height: 820 }, { width: 600, height: 960 }]
const SIZES = ['normal', 'large', 'largest']
let stage, visit, page
/** What is wrong, by kind, each with the screen on which it was seen. */
const seen = { axe: [], largest: [], outdoor: [], dark: [], faint: [], small: [], crowded: [] }
const screens = []

const contrast = (rule) => ({ runOnly: { type: 'rule', values: [rule] }, rules: { [rule]: { enabled: true } } })

async function inspect(screen) {
  screens.push(screen)
  const note = (kind, rows, where = '') => seen[kind].push(...rows.map((row) => `${screen}${where}: ${row}`))
  await page.waitForTimeout(150)
  note('small', await look(page, 'small', 48, 56))
  note('axe', await axe(page, {}))
  await wear(page, 'outdoor', 'normal')
  note('outdoor', await axe(page, contrast('color-contrast-enhanced')))
  note('faint', await look(page, 'faint', 4.5))
  await wear(page, 'dark', 'normal')
  note('dark', await axe(page, contrast('color-contrast')))
  for (const view of VIEWS) {
    await page.setViewportSize(view)
    for (const size of SIZES) {
      await wear(page, 'day', size)
      note('crowded', await look(page, 'crowded'), ` ${size} ${view.width}`)
    }
  }
  seen.largest.push(...(await inLargest(page, screen)))
}

before(async () => {
  stage = await openStage()
  visit = stage.story.tasks[0]
  page = await stage.enrol(stage.story.tablets[0])
  // Colours are measured, not their way from one to the next.
  await page.emulateMedia({ reducedMotion: 'reduce' })
})

after(() => stage?.close())

test('a walk through every screen', async () => {
  const { pin } = stage.story
  for await (const screen of doorScreens(page, pin)) await inspect(screen)
  await stage.unlock(page, visit.team[0].name)
  for await (const screen of workScreens(page, visit, zh)) await inspect(screen)
  await complete(page, visit)
  for await (const screen of signScreens(page, visit, pin)) await inspect(screen)
  assert.ok(screens.length >= 24, `${screens.length} screens`)
})

test('no accessibility rule is broken on any screen', () => assert.deepEqual(seen.axe, []))
// T1: in the sun
test('outdoors every text has a contrast of 7:1 or more', () => assert.deepEqual(seen.outdoor, []))
test('outdoors every control has a contrast of 4.5:1 or more', () => assert.deepEqual(seen.faint, []))
test('in the dark theme every text has a contrast of 4.5:1 or more', () => assert.deepEqual(seen.dark, []))
// T1: with gloves
test('what is tapped is 48 px or larger, answers 56 px', () => assert.deepEqual(seen.small, []))
test('in the largest letters no rule is broken in any theme, upright and across', () => assert.deepEqual(seen.largest, []))
test('three sizes of text on three screens: nothing overlaps, is cut, or stands alone on its line', () =>
  assert.deepEqual(seen.crowded, []))

test('no page threw an error', () => assert.deepEqual(stage.complaints, []))
