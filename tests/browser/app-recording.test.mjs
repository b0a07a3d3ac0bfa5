// F9: what a recording comes to when the tablet's storage is full, or its program is away: nothing that was
// recorded is lost without its being said. Real agent and recorder; refusals and the silence of the agent are
// put in between in the browser.
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { inLargest } from './app-eyes.mjs'
import { at, begin, openStage, typePin } from './stage.mjs'

let stage, visit, page, path

before(async () => {
  stage = await openStage({ film: true })
  visit = stage.story.tasks[0]
  path = `/tasks/${visit.task}`
  page = await stage.enrol(stage.story.tablets[0])
  await stage.unlock(page, visit.team[0].name)
  await page.locator('.guide').getByRole('button', { name: '跳过' }).tap()
  await at(page, path)
  await begin(page)
  stage.network('cut')
  await at(page, `${path}/record/evidence`)
})

after(() => stage?.close())

const PIECES = /recordings\/[0-9a-f]+\/\d+\?/
const sheet = () => page.locator('dialog')
const broken = () => page.getByRole('region', { name: '中断的录像录音' })
const rows = () => page.locator('section.card').filter({ has: page.getByRole('heading', { name: '录像录音' }) }).locator('li')
const seconds = (text) => Number(/0:(\d\d)/.exec(text)[1])
const full = (route) =>
  route.fulfill({
    status: 507,
    contentType: 'application/problem+json',
    json: { type: 'about:blank', title: '', status: 507, code: 'disk_full', detail: '平板存储空间不足，没有保存；请清理出空间后重试。' },
  })

/** Records until something is on the disk; how much. */
async function record(what = '录音') {
  await page.getByRole('button', { name: '加录像或录音' }).tap()
  await page.getByRole('button', { name: what, exact: true }).tap()
  return seconds(await sheet().getByText(/已存入本机 0:0[2-9]/).innerText())
}

/** How long a clip of the list plays, in seconds. */
async function lengthOf(row) {
  await row.getByRole('button').tap()
  const length = await sheet().locator('video, audio').evaluate(async (media) => {
    for (let n = 0; n < 600 && !(media.readyState >= 1 && Number.isFinite(media.duration)); n++) await new Promise((done) => setTimeout(done, 100))
    return media.duration
  })
  await page.getByRole('button', { name: '关闭' }).tap()
  await sheet().waitFor({ state: 'detached' })
  return length
}

test('storage that fills up in mid recording stops it; with room again all of it is kept', async () => {
  await record('录像')
  await page.route(PIECES, full)
  const fault = sheet().getByRole('alert')
  await fault.getByText('平板存储空间不足').waitFor()
  const there = seconds(await fault.getByText(/已录的前 0:\d\d 在本机/).innerText())
  assert.deepEqual(await inLargest(page, 'recording, storage full'), [])
  await sheet().getByRole('button', { name: '重试' }).tap()
  await fault.getByText('平板存储空间不足').waitFor()
  await page.unroute(PIECES)
  await sheet().getByRole('button', { name: '重试' }).tap()
  await sheet().waitFor({ state: 'detached' })
  assert.equal(await rows().count(), 1)
  assert.ok((await lengthOf(rows().first())) > there, `longer than the ${there} s before the refusal`)
})

test('what is on the disk is kept alone, and only then', async () => {
  await record()
  await page.route(PIECES, full)
  const only = sheet().getByRole('button', { name: /^只保留前 0:\d\d$/ })
  await only.waitFor()
  const there = seconds(await only.innerText())
  await only.tap()
  await sheet().waitFor({ state: 'detached' })
  await page.unroute(PIECES)
  await rows().nth(1).getByText(`0:0${there}`).waitFor()
})

test('decided later: the record offers it, and says before what is given up', async () => {
  await record()
  await page.route(PIECES, full)
  await sheet().getByRole('button', { name: /^以后再定，先留前 0:\d\d，其余放弃$/ }).tap()
  await sheet().waitFor({ state: 'detached' })
  await page.unroute(PIECES)
  await broken().getByText(/录音在 0:0\d 处中断/).waitFor()
  await broken().getByRole('button', { name: '保留' }).tap()
  await broken().waitFor({ state: 'detached' })
  assert.equal(await rows().count(), 3)
})

test('storage that is full from the beginning leaves a sheet that can be closed', async () => {
  await page.route(PIECES, full)
  await page.getByRole('button', { name: '加录像或录音' }).tap()
  await sheet().getByRole('button', { name: '录音', exact: true }).tap()
  await sheet().getByRole('alert').getByText('平板存储空间不足').waitFor()
  await sheet().getByRole('button', { name: '取消' }).tap()
  await sheet().waitFor({ state: 'detached' })
  await page.unroute(PIECES)
  assert.equal(await broken().count(), 0)
})

const away = () => page.route('**/api/**', (route) => route.abort())
const back = () => page.unroute('**/api/**')

test('a program that is away in mid recording gets what it missed when it is back, without a tap', async () => {
  const before = await record()
  await away()
  await sheet().getByText('平板程序没有应答，正在重新连接').waitFor()
  await page.waitForTimeout(4_000)
  await sheet().getByText('正在录制').waitFor()
  await sheet().getByRole('button', { name: '停止并存入' }).tap()
  const fault = sheet().getByRole('alert').filter({ hasText: '没有存入' })
  await fault.getByText('其余部分暂存在本页').waitFor()
  assert.deepEqual(await inLargest(page, 'recording, program away'), [])
  await back()
  await sheet().waitFor({ state: 'detached' })
  assert.equal(await rows().count(), 4)
  assert.ok((await lengthOf(rows().nth(3))) > before + 3)
})

test('it can be retried by hand as well', async () => {
  await record()
  await page.route('**/recordings/**', (route) => route.abort())
  await sheet().getByRole('button', { name: '停止并存入' }).tap()
  await sheet().getByText('其余部分暂存在本页').waitFor()
  await page.unroute('**/recordings/**')
  await sheet().getByRole('button', { name: '重试' }).tap()
  await sheet().waitFor({ state: 'detached' })
  assert.equal(await rows().count(), 5)
})

test('what has become a clip is not called broken off, though the list of recordings is older than that', async () => {
  const listed = page.waitForResponse(async (one) => /\/recordings$/.test(one.url()) && (await one.json()).rows.length > 0)
  await record()
  await listed
  await page.route(/\/recordings$/, (route) => route.abort())
  await sheet().getByRole('button', { name: '停止并存入' }).tap()
  await sheet().waitFor({ state: 'detached' })
  assert.equal(await rows().count(), 6)
  assert.equal(await broken().count(), 0)
  await page.unroute(/\/recordings$/)
})

test('closed while the program is away, and nothing of it on the disk: it comes when the program is back', async () => {
  await page.getByRole('button', { name: '加录像或录音' }).tap()
  await away()
  await sheet().getByRole('button', { name: '录音', exact: true }).tap()
  await sheet().getByText('正在录制').waitFor()
  await page.waitForTimeout(3_000)
  await page.keyboard.press('Escape')
  await sheet().getByText('其余部分暂存在本页').waitFor()
  await sheet().getByRole('button', { name: '以后再定' }).tap()
  await sheet().waitFor({ state: 'detached' })
  assert.equal(await broken().count(), 0, 'not offered before all of it is on the disk')
  await back()
  await broken().getByText(/录音在 0:0[3-9] 处中断/).waitFor()
  await broken().getByRole('button', { name: '保留' }).tap()
  await broken().waitFor({ state: 'detached' })
  assert.equal(await rows().count(), 7)
  assert.ok((await lengthOf(rows().nth(6))) > 2)
})

test('a program that starts anew wants the PIN; then it gets what it missed', async () => {
  await record()
  // It forgets who was there, as after a restart.
  await page.evaluate(() => fetch('/api/lock', { method: 'POST' }))
  await page.waitForURL(/#\/unlock/)
  await page.getByRole('button', { name: new RegExp(visit.team[0].name) }).first().tap()
  await page.locator('.pad').waitFor()
  await typePin(page, stage.story.pin)
  await page.getByRole('button', { name: '解锁' }).tap()
  await broken().getByText(/录音在 0:0\d 处中断/).waitFor()
  await broken().getByRole('button', { name: '保留' }).tap()
  await broken().waitFor({ state: 'detached' })
  assert.equal(await rows().count(), 8)
})

test('a browser that cannot record lets go of camera and microphone', async () => {
  await page.evaluate(() => {
    const open = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices)
    navigator.mediaDevices.getUserMedia = async (wish) => (window.opened = await open(wish))
    window.MediaRecorder = class {
      static isTypeSupported = () => false
      constructor() {
        throw new DOMException('no', 'NotSupportedError')
      }
    }
  })
  await page.getByRole('button', { name: '加录像或录音' }).tap()
  await sheet().getByRole('button', { name: '录像', exact: true }).tap()
  await sheet().getByRole('alert').getByText('不能录制').waitFor()
  const tracks = await page.evaluate(() => window.opened.getTracks().map((track) => track.readyState))
  assert.deepEqual(tracks, ['ended', 'ended'])
  await sheet().getByRole('button', { name: '取消' }).tap()
})

test('no page threw an error or broke the content security policy', () => assert.deepEqual(stage.complaints, []))
