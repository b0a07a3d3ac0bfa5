// S2: what is refused is kept in quarantine and shown in the console with what to do. A tablet's work comes as
// a file after the tablet was revoked; the supervisor releases what is vouched for and discards the rest. Real
// agent, server and pages.
import assert from 'node:assert/strict'
import { mkdir, readFile } from 'node:fs/promises'
import { after, before, test } from 'node:test'
import { axe, look } from './app-eyes.mjs'
import { answer, at, openStage, saved } from './stage.mjs'

const SHOTS = process.env.SHOTS
let stage, visit, other, file, desk

before(async () => {
  stage = await openStage()
  if (SHOTS) await mkdir(SHOTS, { recursive: true })
  ;[visit, other] = stage.story.tasks
  const page = await stage.enrol(stage.story.tablets[0])
  // One change in a record of one inspector of this tablet, several in that of another.
  for (const [one, answers] of [[visit, 1], [other, 3]]) {
    await stage.unlock(page, one.team[0].name)
    if (one === visit) await page.locator('.guide').getByRole('button', { name: '跳过' }).tap()
    await page.getByText(one.object).first().waitFor()
    if (one === visit) {
      await at(page, '/sync')
      const asked = page.waitForResponse('**/api/sync/now')
      await page.getByRole('button', { name: '立即同步' }).tap()
      await asked
      await page.getByText('空闲').waitFor()
      stage.network('cut')
    }
    await at(page, `/tasks/${one.task}/record/points`)
    const points = page.locator('article.point')
    await points.first().waitFor()
    for (let n = 0; n < answers; n++) {
      await answer(points.nth(n), '符合')
      await saved(page)
    }
    if (one === other) break
    await at(page, '/tasks')
    await page.getByRole('button', { name: '锁定' }).tap()
  }
  await at(page, '/sync')
  const card = page.locator('section[aria-label="加密数据包"]')
  await card.getByText(/2 份记录/).waitFor()
  const [got] = await Promise.all([page.waitForEvent('download'), card.getByRole('link', { name: '导出文件' }).tap()])
  file = { name: got.suggestedFilename(), mimeType: 'application/octet-stream', buffer: await readFile(await got.path()) }
  desk = await stage.console('supervisor')
})

after(() => stage?.close())

const open = (page, place) => page.goto(`${stage.story.server}/console/${place}`)
const all = () => desk.locator('tbody tr')
const rows = (object) => all().filter({ hasText: object })
const shot = async (name) => {
  if (!SHOTS) return
  for (const [way, view] of [['wide', { width: 1440, height: 900 }], ['narrow', { width: 390, height: 844 }]]) {
    await desk.setViewportSize(view)
    await desk.waitForTimeout(300)
    await desk.screenshot({ path: `${SHOTS}/${name}-${way}.png` })
  }
  await desk.setViewportSize({ width: 1440, height: 900 })
}
const record = (task) => desk.evaluate((task) => fetch(`/api/review/${task}`).then((r) => r.text()), task)

/** Presses a button of a row and gives the reason that is asked for. */
async function decide(row, word, reason) {
  await row.getByRole('button', { name: word }).click()
  const dialog = desk.getByRole('dialog')
  await dialog.locator('textarea').fill(reason)
  await dialog.getByRole('button', { name: word }).click()
  return dialog
}

test('the tablet is revoked, and then its file is imported: the record gets nothing of it', async () => {
  const admin = await stage.console('tablets')
  await open(admin, 'accounts?tab=tablets')
  const tablet = admin.locator('tbody tr').filter({ hasText: visit.team[0].name }).first()
  await tablet.getByRole('button', { name: '停用' }).click()
  await admin.getByRole('dialog').getByText('清除本机的记录').waitFor()
  await admin.getByRole('dialog').locator('textarea').fill('平板遗失')
  await admin.getByRole('dialog').getByRole('button', { name: '停用' }).click()
  await tablet.getByText('已停用').waitFor()

  const carrier = await stage.console('drawer')
  await open(carrier, 'bundles')
  await carrier.locator('input[type=file]').setInputFiles(file)
  await carrier.getByText('已全部读取').waitFor()
  await carrier.locator('tbody tr').filter({ hasText: visit.object }).getByText('该平板已停用').waitFor()
  await carrier.getByText('其修改进入隔离区').waitFor()
  assert.deepEqual(await look(carrier, 'crowded'), [])
  if (SHOTS) await carrier.screenshot({ path: `${SHOTS}/bundle-quarantined.png` })
})

test('each held change says from which tablet it is, why it is held, and what to do', async () => {
  await open(desk, 'quarantine')
  await rows(visit.object).waitFor()
  assert.equal(await all().count(), 4)
  const words = await rows(visit.object).innerText()
  for (const part of ['示例平板', '一处修改被拒收', '该平板已停用', '核实后放行', '待处理']) assert.ok(words.includes(part), `${part} is not in ${words}`)
  assert.ok(!(await record(visit.task)).includes('"compliant"'))
  await shot('quarantine')
  assert.deepEqual(await axe(desk, {}), [])
  assert.deepEqual(await look(desk, 'crowded'), [])
})

test('it says whose it is, when it was written and what it writes, in the order of writing', async () => {
  const words = await rows(visit.object).innerText()
  for (const part of [visit.team[0].name, '检查结果：符合']) assert.ok(words.includes(part), `${part} is not in ${words}`)
  assert.match(words, /20\d\d-\d\d-\d\d \d\d:\d\d\s+收到 \d\d-\d\d \d\d:\d\d/)
  // One file brought four rows at once: those of one record stand together, as they were written.
  const objects = await all().evaluateAll((list) => list.map((row) => row.cells[2].innerText.split('\n').pop()))
  assert.deepEqual(objects, objects.toSorted((a, b) => objects.indexOf(a) - objects.indexOf(b)), 'a record stands together')
  const contents = await rows(other.object).evaluateAll((list) => list.map((row) => row.cells[3].innerText))
  const points = contents.map((text) => Number(/第 (\d+) 项/.exec(text)?.[1]))
  assert.deepEqual(points, points.toSorted((a, b) => a - b), 'in the order of writing')
  assert.equal(new Set(points).size, 3)
})

test('the same in English', async () => {
  await desk.evaluate(() => localStorage.setItem('double-random.language', 'en'))
  await desk.reload()
  await rows(visit.object).waitFor()
  const words = await rows(visit.object).innerText()
  for (const part of [visit.team[0].name, 'A change was refused', 'Compliant']) assert.ok(words.includes(part), `${part} is not in ${words}`)
  await shot('quarantine-en')
  assert.deepEqual(await axe(desk, {}), [])
  assert.deepEqual(await look(desk, 'crowded'), [])
  await desk.evaluate(() => localStorage.removeItem('double-random.language'))
  await desk.reload()
  await rows(visit.object).waitFor()
})

test('nothing is decided without a reason; of what is discarded the record has nothing', async () => {
  await rows(visit.object).getByRole('button', { name: '放行' }).click()
  const dialog = desk.getByRole('dialog')
  await dialog.getByText('按原作者、原时间并入记录').waitFor()
  assert.ok(await dialog.getByRole('button', { name: '放行' }).isDisabled())
  await dialog.getByRole('button', { name: '取消' }).click()
  await dialog.waitFor({ state: 'hidden' })
  await decide(rows(visit.object), '弃用', '无法核实')
  await rows(visit.object).waitFor({ state: 'detached' })
  assert.ok(!(await record(visit.task)).includes('"compliant"'))
})

test('a release that is refused says so in the question, which stays', async () => {
  await rows(other.object).first().waitFor()
  const problem = { type: 'about:blank', title: '', status: 409, code: 'still_refused', detail: '仍不能并入记录：它所依据的其他修改还没有并入记录', fields: [] }
  const refuse = (route) => route.fulfill({ status: 409, contentType: 'application/problem+json', body: JSON.stringify(problem) })
  await desk.route('**/release', refuse)
  const dialog = await decide(rows(other.object).first(), '放行', '已与检查人员核实')
  await dialog.getByText('仍不能并入记录').waitFor()
  await shot('quarantine-refused')
  await desk.unroute('**/release', refuse)
  await dialog.getByRole('button', { name: '取消' }).click()
  await dialog.waitFor({ state: 'hidden' })
  assert.equal(await rows(other.object).count(), 3)
})

test('changes that one signature covers are released together', async () => {
  await decide(rows(other.object).last(), '放行', '已与检查人员核实，平板遗失前所写')
  await rows(other.object).first().waitFor({ state: 'detached' })
  assert.ok((await record(other.task)).includes('"compliant"'))
})

test('what is decided stays to be seen, with nothing left to decide', async () => {
  for (const [word, object, count] of [['已弃用', visit.object, 1], ['已放行', other.object, 3]]) {
    await desk.locator('.el-select').first().click()
    await desk.locator('.el-select-dropdown__item').filter({ hasText: word }).click()
    await rows(object).first().waitFor()
    assert.equal(await all().count(), count, word)
    assert.equal(await all().getByRole('button').count(), 0, 'nothing is left to decide')
  }
  await shot('quarantine-decided')
})

test('who may not decide is not shown the place', async () => {
  const publisher = await stage.console('publisher')
  assert.equal(await publisher.getByRole('link', { name: '隔离区' }).count(), 0)
})

test('no page threw an error or broke the content security policy', () => assert.deepEqual(stage.complaints, []))
