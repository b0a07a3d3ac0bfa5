// F6, lesson 9: days without a network. A tablet's records go as a file to the office, in the console's page,
// and to a colleague's tablet; the office makes one for the tablet. Real agent, server and pages.
import assert from 'node:assert/strict'
import { mkdir, readFile } from 'node:fs/promises'
import { after, before, test } from 'node:test'
import { axe } from './app-eyes.mjs'
import { addPhoto, answer, at, begin, meet, openStage, saved } from './stage.mjs'

const SHOTS = process.env.SHOTS
let stage, visit, page, colleague, desk, file

before(async () => {
  stage = await openStage()
  if (SHOTS) await mkdir(SHOTS, { recursive: true })
  visit = stage.story.tasks[0]
  page = await stage.enrol(stage.story.tablets[0])
  await stage.unlock(page, visit.team[0].name)
  colleague = await stage.enrol(stage.story.tablets[1])
  await stage.unlock(colleague, visit.team[1].name)
  for (const one of [page, colleague]) {
    await one.locator('.guide').getByRole('button', { name: '跳过' }).tap()
    await one.getByText(visit.object).first().waitFor()
    await at(one, '/sync')
  }
  // A file can then be made for the other's tablet.
  await meet([page, colleague], visit.team)
  stage.network('cut')
})

after(() => stage?.close())

const shot = (on, name) => SHOTS && on.screenshot({ path: `${SHOTS}/${name}.png`, fullPage: true })
const card = (on) => on.locator('section[aria-label="加密数据包"]')

async function download(on, act) {
  const [got] = await Promise.all([on.waitForEvent('download'), act()])
  return { name: got.suggestedFilename(), mimeType: 'application/octet-stream', buffer: await readFile(await got.path()) }
}

const take = (on, one) => card(on).locator('input[type=file]').setInputFiles(one)

test('a record is made without a network and exported for the office', async () => {
  await at(page, `/tasks/${visit.task}`)
  await begin(page)
  await at(page, `/tasks/${visit.task}/record/points`)
  await page.locator('article.point').first().waitFor()
  await answer(page.locator('article.point').first(), '符合')
  await addPhoto(page, page.locator('article.point').first(), await page.screenshot({ type: 'jpeg', quality: 60 }))
  await saved(page)
  await at(page, '/sync')
  await card(page).getByText('单位服务器', { exact: true }).waitFor()
  await card(page).getByText('连同录像录音').tap()
  await card(page).getByText(/1 份记录，\d+ 项修改，1 张照片/).waitFor()
  await shot(page, 'bundle-card')
  assert.deepEqual(await axe(page, {}), [])
  file = await download(page, () => card(page).getByRole('link', { name: '导出文件' }).tap())
  assert.match(file.name, /^double-random-\d{8}-\d{4}-[0-9a-f]{8}\.drb$/)
  assert.ok(!file.buffer.includes(Buffer.from(visit.object)), 'nothing can be read in it')
})

test('the office takes it in, as far as it is whole and any number of times', async () => {
  desk = await stage.console('drawer')
  await desk.goto(`${stage.story.server}/console/bundles`)
  const give = (one) => desk.locator('input[type=file]').setInputFiles(one)
  await give({ ...file, buffer: Buffer.from('GIF89a, and nothing of ours') })
  await desk.getByText('这个文件不是平板导出的加密数据包').waitFor()
  await give({ ...file, buffer: file.buffer.subarray(0, file.buffer.length - 20_000) })
  await desk.getByText('文件末尾缺失').waitFor()
  await give(file)
  await desk.getByText('已全部读取').waitFor()
  const row = desk.locator('tbody tr').filter({ hasText: visit.object })
  await row.waitFor()
  await shot(desk, 'bundle-console')
  assert.deepEqual(await axe(desk, {}), [])
  await give(file)
  await row.getByText('（新 0）').first().waitFor()
  const record = await (await stage.console('supervisor')).evaluate((task) => fetch(`/api/review/${task}`).then((r) => r.json()), visit.task)
  assert.equal(record.photos[0].stored, 'original')
})

test('who may not carry files is not offered the page', async () => {
  const auditor = await stage.console('auditor')
  await auditor.goto(`${stage.story.server}/console/bundles`)
  await auditor.waitForTimeout(500)
  const status = await auditor.evaluate(async () => (await fetch('/api/devices')).status)
  assert.equal(await auditor.getByRole('link', { name: /数据包/ }).count(), 0, `devices: ${status}`)
})

test('the office makes a file that opens on this tablet and on no other', async () => {
  await desk.reload()
  await desk.locator('.el-select').click()
  const options = desk.locator('.el-select-dropdown__item')
  await options.first().waitFor()
  const names = await options.allInnerTexts()
  const own = names.findIndex((name) => /1/.test(name))
  await options.nth(Math.max(own, 0)).click()
  await desk.getByText(/\d+ 项任务，\d+ 项修改/).waitFor()
  await shot(desk, 'bundle-console-export')
  const back = await download(desk, () => desk.getByRole('link', { name: '下载数据包' }).click())
  await take(page, back)
  await card(page).getByText('已全部读取').waitFor()
  await card(page).getByText(/单位服务器 于 .* 制作/).waitFor()
  await shot(page, 'bundle-taken')
  assert.deepEqual(await axe(page, {}), [])
  await take(colleague, back)
  await card(colleague).getByRole('alert').getByText('不是给这台平板的').waitFor()
})

test('a colleague’s tablet takes a file that was made for it', async () => {
  const boxes = card(page).locator('input[type=checkbox]')
  for (const box of await boxes.all()) await box.uncheck()
  await card(page).locator('label').filter({ hasText: `${visit.team[1].name}` }).filter({ hasText: '的平板' }).first().tap()
  await card(page).getByText(/\d+ 份记录/).first().waitFor()
  const for_two = await download(page, () => card(page).getByRole('link', { name: '导出文件' }).tap())
  await take(colleague, for_two)
  await card(colleague).getByText('已全部读取').waitFor()
  await card(colleague).getByText(/新增 \d+ 项修改/).first().waitFor()
  await shot(colleague, 'bundle-colleague')
  await at(colleague, `/tasks/${visit.task}/record/points`)
  await colleague.locator('article.point').first().locator('.shot img').waitFor()
})

test('no page threw an error or broke the content security policy', () => assert.deepEqual(stage.complaints, []))
