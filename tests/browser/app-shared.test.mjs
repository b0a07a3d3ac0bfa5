// F5, X5, lesson 23: several inspectors with one tablet. One hands it to another in the middle of a visit:
// each sees the own tasks, nobody sees what another has typed and not saved, and nothing of it is lost.
import assert from 'node:assert/strict'
import { mkdir } from 'node:fs/promises'
import { after, before, test } from 'node:test'
import { answer, at, begin, holds, openStage, saved } from './stage.mjs'

const SHOTS = process.env.SHOTS
let stage, page, visit, other, first, second, stranger

before(async () => {
  stage = await openStage()
  if (SHOTS) await mkdir(SHOTS, { recursive: true })
  ;[visit, other] = stage.story.tasks
  const names = visit.team.map((one) => one.name)
  ;[first, second] = names
  stranger = other.team.map((one) => one.name).find((name) => !names.includes(name))
  assert.ok(stranger, 'the other team has somebody else')
  page = await stage.enrol(stage.story.tablets[0])
})

after(() => stage?.close())

const evidence = () => at(page, `/tasks/${visit.task}/record/evidence`)
const amount = () => page.locator('article.one [inputmode=decimal]')
const shot = (name) => SHOTS && page.screenshot({ path: `${SHOTS}/${name}.png` })

async function hand(to) {
  await at(page, '/tasks')
  await page.getByRole('button', { name: '锁定' }).tap()
  await page.getByText(/谁|选择/).first().waitFor()
  await stage.unlock(page, to)
}

async function skipGuide() {
  const skip = page.locator('.guide').getByRole('button', { name: '跳过' })
  if (await skip.count()) await skip.tap()
}

test('the first begins, and leaves something that cannot be saved yet', async () => {
  await stage.unlock(page, first)
  await skipGuide()
  await at(page, `/tasks/${visit.task}`)
  await begin(page)
  await at(page, `/tasks/${visit.task}/record/points`)
  await page.locator('article.point').first().waitFor()
  await answer(page.locator('article.point').first(), '符合')
  await evidence()
  await page.getByRole('button', { name: '加一笔费用' }).tap()
  await page.locator('article.one textarea').first().fill('市场监督管理局')
  await saved(page)
  await amount().pressSequentially('..5')
  await saved(page)
})

test('somebody of another team sees the own tasks and nothing of it', async () => {
  await hand(stranger)
  await page.getByText(other.object).first().waitFor()
  assert.equal(await page.getByText(visit.object).count(), 0, 'the task of the first is not shown')
  await shot('shared-list')
  const seen = await page.evaluate(async (task) => {
    const drafts = await (await fetch('/api/drafts')).json()
    return { drafts: drafts.rows.filter((row) => row.task === task).length, record: (await fetch(`/api/tasks/${task}/record`)).status }
  }, visit.task)
  assert.deepEqual(seen, { drafts: 0, record: 404 })
  await evidence()
  await page.getByText('这台平板上没有这个任务').first().waitFor()
  await shot('shared-not-mine')
  await page.getByRole('button', { name: '看全部任务' }).tap()
  await page.getByText(other.object).first().waitFor()
})

// X5: what was done stays under its author
test('a colleague of the visit goes on where the record stands, without the draft', async () => {
  await hand(second)
  await page.getByText(visit.object).first().waitFor()
  await evidence()
  await page.locator('article.one textarea').first().waitFor()
  assert.equal(await page.locator('article.one textarea').first().inputValue(), '市场监督管理局')
  assert.equal(await amount().inputValue(), '', 'the draft is nobody else’s')
  await at(page, `/tasks/${visit.task}/record/points`)
  await page.locator('article.point').nth(1).waitFor()
  await answer(page.locator('article.point').nth(1), '符合')
  await saved(page)
  const authors = await page.evaluate(async (task) => {
    const { rows } = await (await fetch(`/api/tasks/${task}/history`)).json()
    return [...new Set(rows.map((row) => row.name))]
  }, visit.task)
  for (const name of [first, second]) assert.ok(authors.includes(name), `${name} of ${authors}`)
})

test('the first gets the tablet back, and what was typed is there', async () => {
  await hand(first)
  await evidence()
  await holds(amount(), '..5')
  await shot('shared-back')
})

test('a tablet that locked itself leads its inspector back to the place, and another to the list', async () => {
  // As after a quarter of an hour without a touch: the agent ends the session.
  const idle = () => page.evaluate(() => fetch('/api/lock', { method: 'POST' }))
  await idle()
  await page.getByText(first).first().waitFor()
  await stage.unlock(page, second)
  await page.getByText(visit.object).first().waitFor()
  await evidence()
  await amount().waitFor()
  await idle()
  await page.getByRole('button', { name: new RegExp(second) }).first().tap()
  await page.locator('.pad').waitFor()
  for (const digit of stage.story.pin) await page.getByRole('button', { name: digit, exact: true }).tap()
  await page.getByRole('button', { name: '解锁' }).tap()
  await page.waitForURL(/record\/evidence/)
})

test('no page threw an error', () => assert.deepEqual(stage.complaints, []))
