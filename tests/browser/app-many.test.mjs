// 500 tasks and, with PHOTOS=5000, so many photos on one tablet (1,000 without: filling it takes longest).
// How fast that is depends on the machine and is only told (TIMES=1); how much the page holds and asks for
// is held to.
import assert from 'node:assert/strict'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { openBrowser } from './browser.mjs'
import { start } from './program.mjs'
import { at, typePin } from './stage.mjs'

const ROOT = new URL('../../', import.meta.url).pathname
const PROGRAM = process.env.MANY ?? join(ROOT, 'target/debug/many')
const TASKS = 500
const PHOTOS = Number(process.env.PHOTOS ?? 1000)
const IN_ONE = 60
const SHOTS = process.env.SHOTS
let many, browser, page, about
const complaints = []
/** Paths that the page asked the agent for since `begin`. */
let asked = []
const begin = () => (asked = [])
const count = (pattern) => asked.filter((path) => pattern.test(path)).length

before(async () => {
  many = start(PROGRAM, ['--tasks', String(TASKS), '--photos', String(PHOTOS), '--in-one', String(IN_ONE)])
  about = JSON.parse((await many.hear(/^many (\{.*\})\n/m))[1])
  browser = await openBrowser()
  const context = await browser.newContext({ viewport: { width: 820, height: 1180 }, hasTouch: true, locale: 'zh-CN' })
  page = await context.newPage()
  page.on('pageerror', (error) => complaints.push(String(error)))
  page.on('request', (request) => asked.push(request.url().split('#')[0]))
  if (SHOTS) await mkdir(SHOTS, { recursive: true })
  await page.goto(about.launch)
  await page.locator('.choice').first().tap()
  await typePin(page, about.pin)
})

after(async () => {
  await browser?.close()
  await many?.stop()
})

const nodes = () => page.evaluate(() => document.getElementsByTagName('*').length)
const shot = (name) => SHOTS && page.screenshot({ path: `${SHOTS}/${name}.png` })

/** Does something, waits for what it leads to, and tells how long that took. */
async function timed(what, act, until) {
  const start = performance.now()
  await act()
  await until()
  await page.evaluate(() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done))))
  if (process.env.TIMES) console.log(`${what}: ${Math.round(performance.now() - start)} ms`)
}

test('the list opens with a bounded page, and grows where one scrolls', async () => {
  await timed('unlock and list', () => page.getByRole('button', { name: '解锁' }).tap(), () => page.locator('.row-card').first().waitFor())
  await page.locator('.guide').getByRole('button', { name: '跳过' }).tap()
  await timed('reload and list', () => page.reload(), () => page.locator('.row-card').nth(20).waitFor())
  assert.ok((await page.locator('.row-card').count()) <= 60, 'cards at first')
  assert.ok((await nodes()) < 4500, `${await nodes()} elements`)
  await page.getByText(`/ ${TASKS}，继续下滑`).waitFor()
  await shot('many-list')
  for (let n = 0; n < 600 && (await page.locator('.row-card').count()) < TASKS; n++) {
    await page.mouse.wheel(0, 20_000)
    await page.waitForTimeout(60)
  }
  assert.equal(await page.locator('.row-card').count(), TASKS, 'all can be reached')
  await page.evaluate(() => window.scrollTo(0, 0))
})

test('a search answers as one types', async () => {
  const field = page.getByRole('searchbox')
  begin()
  await timed('search', () => field.fill('0437'), () => page.waitForFunction(() => document.querySelectorAll('.row-card').length === 1))
  assert.equal(count(/[?&]q=/), 0, 'nothing is asked of the agent for it')
  await field.fill('')
  await page.locator('.row-card').nth(20).waitFor()
  assert.ok((await page.locator('.row-card').count()) <= 60, 'the page is short again')
})

test('a record with 60 photos: thumbnails come as they are scrolled to', async () => {
  begin()
  await timed('open the record', () => at(page, `/tasks/${about.first}/record/points`), () => page.locator('article.point .shot img').first().waitFor())
  await page.waitForTimeout(800)
  const first = count(/\/thumbnail$/)
  assert.ok(first > 0 && first < IN_ONE, `${first} thumbnails at first`)
  assert.ok(count(/\/(rendition|original)$/) === 0, 'no large picture is loaded for a strip')
  assert.equal(await page.locator('.shot').count(), IN_ONE)
  await shot('many-record')
  for (const one of await page.locator('.shot').all()) await one.scrollIntoViewIfNeeded()
  await page.waitForFunction((all) => [...document.querySelectorAll('.shot img')].filter((img) => img.complete && img.naturalWidth).length === all, IN_ONE)
  assert.equal(count(/\/thumbnail$/), IN_ONE, 'none is loaded twice')
  const card = page.locator('article.point').last()
  await timed('answer a point', () => card.getByRole('radio', { name: '符合', exact: true }).tap(), () => card.getByRole('radio', { name: '符合', exact: true, checked: true }).waitFor())
  assert.ok((await nodes()) < 6000, `${await nodes()} elements`)
})

test('the sync screen does not hold what is done', async () => {
  begin()
  await timed('sync screen', () => at(page, '/sync'), () => page.locator('.counters').waitFor())
  assert.ok((await nodes()) < 20_000, `${await nodes()} elements`)
  assert.equal(count(/\/thumbnail$/), 0)
  await shot('many-sync')
})

test('no page threw an error', () => assert.deepEqual(complaints, []))
