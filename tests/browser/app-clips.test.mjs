// F9: video and sound of a visit, recorded in the app or chosen as a file, played on the tablet, sent
// last, and played at the office from any place. Real agent, server and recorder; the camera shows a
// test picture.
import assert from 'node:assert/strict'
import { mkdir } from 'node:fs/promises'
import { after, before, test } from 'node:test'
import { axe, inLargest } from './app-eyes.mjs'
import { sound } from './app-screens.mjs'
import { openBrowser } from './browser.mjs'
import { addPhoto, at, begin, openStage } from './stage.mjs'

const SHOTS = process.env.SHOTS
let stage, visit, page, path

before(async () => {
  stage = await openStage({ film: true })
  visit = stage.story.tasks[0]
  path = `/tasks/${visit.task}`
  if (SHOTS) await mkdir(SHOTS, { recursive: true })
  page = await stage.enrol(stage.story.tablets[0])
  await stage.unlock(page, visit.team[0].name)
  await page.locator('.guide').getByRole('button', { name: '跳过' }).tap()
  await at(page, path)
  await begin(page)
  stage.network('cut')
})

after(() => stage?.close())

/** A picture of the screen upright and across. */
async function shot(name, on = page) {
  if (!SHOTS) return
  for (const [way, view] of [['upright', { width: 820, height: 1180 }], ['across', { width: 1180, height: 820 }]]) {
    await on.setViewportSize(view)
    await on.waitForTimeout(400)
    await on.screenshot({ path: `${SHOTS}/${name}-${way}.png` })
  }
  await on.setViewportSize({ width: 820, height: 1180 })
}

const group = () => page.locator('section.card').filter({ has: page.getByRole('heading', { name: '录像录音' }) })
const row = (kind) => group().locator('li').filter({ hasText: kind })

/** Plays, jumps, and says how long the clip is and where it then stands. */
const tryOut = (player) =>
  player.evaluate(async (media) => {
    const until = async (holds) => {
      for (let n = 0; n < 600 && !holds(); n++) await new Promise((done) => setTimeout(done, 100))
    }
    await until(() => media.readyState >= 2 && Number.isFinite(media.duration))
    media.currentTime = 1
    await until(() => !media.seeking && media.readyState >= 2)
    return { length: media.duration, at: media.currentTime, error: media.error?.message, width: media.videoWidth ?? 0 }
  })

test('a refusal is filmed, and is on the tablet when the recording stops', async () => {
  await at(page, `${path}/record/evidence`)
  await page.getByRole('button', { name: '加录像或录音' }).tap()
  await page.getByRole('radio', { name: '拒绝情形' }).tap()
  await page.getByLabel('说明').last().fill('负责人拒绝打开仓库')
  await page.waitForTimeout(300)
  await shot('clip-add')
  assert.deepEqual(await axe(page, {}), [])
  await page.getByRole('button', { name: '录像', exact: true }).tap()
  await page.getByText('正在录制').waitFor()
  await page.waitForTimeout(3_000)
  await shot('clip-recording')
  assert.deepEqual(await axe(page, {}), [])
  await page.getByRole('button', { name: '停止并存入' }).tap()
  await page.locator('dialog').waitFor({ state: 'detached' })
  await row('拒绝情形').getByText('负责人拒绝打开仓库').waitFor()
  await row('拒绝情形').getByText('在本机').waitFor()
})

test('it plays on the tablet from any place, also after a reload', async () => {
  await page.reload()
  await row('拒绝情形').getByRole('button').tap()
  const found = await tryOut(page.locator('dialog video'))
  assert.ok(found.length > 2 && found.length < 12, JSON.stringify(found))
  assert.ok(Math.abs(found.at - 1) < 0.2 && found.width > 100 && !found.error, JSON.stringify(found))
  await shot('clip-sheet')
  assert.deepEqual(await axe(page, {}), [])
  await page.getByLabel('所属要点').selectOption({ index: 1 })
  await page.locator('dialog textarea').fill('负责人拒绝打开仓库，十时整')
  await page.getByRole('button', { name: '关闭' }).tap()
  await row('拒绝情形').getByText('十时整').waitFor()
})

test('sound is chosen as a file; what is neither is refused in words', async () => {
  await page.getByRole('button', { name: '加录像或录音' }).tap()
  await page.getByRole('radio', { name: '检查过程' }).tap()
  const choose = async (name, mimeType, buffer) => page.locator('dialog input[type=file]').setInputFiles({ name, mimeType, buffer })
  await choose('a.mp4', 'video/mp4', Buffer.from('<!doctype html><script>'))
  await page.getByRole('alert').getByText('这个文件不是录像或录音').waitFor()
  await choose('a.mov', 'video/quicktime', Buffer.from('\0\0\0\x14ftypqt  \0\0\0\0', 'latin1'))
  await page.getByRole('alert').getByText('请改用 MP4 或 WebM').waitFor()
  await shot('clip-refused')
  await choose('a.wav', 'audio/wav', sound(2))
  await page.locator('dialog').waitFor({ state: 'detached' })
  await row('检查过程').getByText('0:02').waitFor()
  await row('检查过程').getByRole('button').tap()
  const found = await tryOut(page.locator('dialog audio'))
  assert.equal(Math.round(found.length), 2)
  await page.getByRole('button', { name: '关闭' }).tap()
})

test('without camera and microphone a file can still be chosen, and the page says so', async () => {
  await page.evaluate(() => (navigator.mediaDevices.getUserMedia = () => Promise.reject(new DOMException('no', 'NotAllowedError'))))
  await page.getByRole('button', { name: '加录像或录音' }).tap()
  await page.getByRole('button', { name: '录音', exact: true }).tap()
  await page.getByRole('alert').getByText('没有使用摄像头和麦克风的权限').waitFor()
  assert.ok(await page.locator('dialog input[type=file]').isEnabled())
  await page.getByRole('button', { name: '取消' }).tap()
  await page.locator('dialog').waitFor({ state: 'detached' })
  await page.reload()
  await row('检查过程').waitFor()
})

test('sound is recorded by keyboard alone', async () => {
  await at(page, `${path}/record/arrival`)
  await page.getByRole('heading', { name: '出示执法证件' }).waitFor()
  await group().getByRole('button', { name: '加录像或录音' }).focus()
  await page.keyboard.press('Enter')
  await page.locator('dialog').waitFor()
  const press = async (name) => {
    for (let n = 0; n < 20; n++) {
      if (await page.evaluate((name) => document.activeElement?.textContent.trim() === name, name)) return page.keyboard.press('Enter')
      await page.keyboard.press('Tab')
    }
    assert.fail(`${name} is not reached by Tab`)
  }
  await press('录音')
  await page.getByText('正在录制').waitFor()
  // Esc ends the recording and keeps it.
  await page.waitForTimeout(1_500)
  await shot('clip-sound')
  await page.keyboard.press('Escape')
  await page.locator('dialog').waitFor({ state: 'detached' })
  await row('进入现场').waitFor()
  assert.equal(await group().locator('li').count(), 1, 'here only what belongs to the arrival')
  await shot('clip-arrival')
})

const broken = () => page.getByRole('region', { name: '中断的录像录音' })

/** Begins to record and waits until so much is on the disk. */
async function recordUntil(on, what, kind, onDisk) {
  await on.getByRole('button', { name: '加录像或录音' }).tap()
  await on.getByRole('radio', { name: kind }).tap()
  await on.getByRole('button', { name: what, exact: true }).tap()
  await on.getByText('正在录制').waitFor()
  await on.getByText(onDisk).waitFor()
}

// F9: minute 9 is not lost
test('a page that is loaded anew in mid recording offers what was recorded; kept, it plays', async () => {
  await at(page, `${path}/record/evidence`)
  await recordUntil(page, '录像', '核实身份', /已存入本机 0:0[4-9]/)
  await shot('clip-on-disk')
  await page.reload()
  await broken().getByText(/录像在 0:0[4-9] 处中断/).waitFor()
  await broken().getByText('核实身份').waitFor()
  assert.deepEqual(await inLargest(page, 'broken off'), [])
  await at(page, `${path}/ready`)
  await page.getByText('有一段录像或录音中断，请选择保留或丢弃。').tap()
  await broken().getByRole('button', { name: '保留' }).tap()
  await broken().waitFor({ state: 'detached' })
  await row('核实身份').getByText('在本机').waitFor()
  await row('核实身份').getByRole('button').tap()
  const found = await tryOut(page.locator('dialog video'))
  assert.ok(found.length > 3 && found.width > 100 && !found.error, JSON.stringify(found))
  await page.getByRole('button', { name: '关闭' }).tap()
})

test('a browser that is killed in mid recording loses nothing that it said was on the tablet', async () => {
  const other = await openBrowser({ film: true })
  const context = await other.newContext({ viewport: { width: 820, height: 1180 }, hasTouch: true, locale: 'zh-CN' })
  await context.addCookies(await page.context().cookies())
  const second = stage.watch(await context.newPage())
  await second.goto(page.url())
  await recordUntil(second, '录像', '出示证件', /已存入本机 0:0[4-9]/)
  const gone = new Promise((done) => other.once('disconnected', done))
  const session = await other.newBrowserCDPSession()
  session.send('Browser.crash').catch(() => undefined)
  await gone
  await page.reload()
  await broken().getByText(/录像在 0:0[4-9] 处中断/).waitFor()
  await broken().getByRole('button', { name: '保留' }).tap()
  await row('出示证件').getByRole('button').tap()
  const found = await tryOut(page.locator('dialog video'))
  assert.ok(found.length > 3 && found.width > 100 && !found.error, JSON.stringify(found))
  await page.getByRole('button', { name: '关闭' }).tap()
})

test('what was broken off is discarded only after a question', async () => {
  await recordUntil(page, '录音', '检查过程', /已存入本机 0:0[2-9]/)
  await page.reload()
  await broken().getByText(/录音在 0:0[2-9] 处中断/).waitFor()
  const clips = await group().locator('li').count()
  await broken().getByRole('button', { name: '丢弃' }).tap()
  await shot('clip-discard')
  await page.locator('dialog .ask').getByRole('button', { name: '取消' }).tap()
  await broken().getByRole('button', { name: '丢弃' }).tap()
  await page.locator('dialog .ask').getByRole('button', { name: '丢弃' }).tap()
  await broken().waitFor({ state: 'detached' })
  assert.equal(await group().locator('li').count(), clips)
})

test('with a network it goes to the office, behind the photos, and the screen says how far', async () => {
  await at(page, `${path}/record/points`)
  await addPhoto(page, page.locator('article.point').first(), await page.screenshot({ type: 'jpeg', quality: 60 }))
  await at(page, '/sync')
  await page.locator('.counters').getByText('录像录音').first().waitFor()
  await page.getByRole('button', { name: /看 1 张照片、5 段录像/ }).tap()
  await shot('clip-sync')
  assert.deepEqual(await axe(page, {}), [])
  stage.network('restore')
  await page.getByRole('button', { name: '立即同步' }).tap()
  await at(page, `${path}/record/evidence`)
  for (const kind of ['拒绝情形', '检查过程', '进入现场', '核实身份', '出示证件']) await row(kind).getByText('服务器已确认').waitFor()
  await shot('clip-rows')
})

// V1
test('the supervisor plays it, somebody without the right does not, the public does not hear of it', async () => {
  const desk = await stage.console('supervisor')
  await desk.goto(`${stage.story.server}/console/review/${visit.task}`)
  const clips = desk.locator('section').filter({ has: desk.getByRole('heading', { name: /录像录音/ }) })
  const film = clips.locator('li').filter({ hasText: '十时整' })
  await film.getByRole('button', { name: '播放' }).click()
  const found = await tryOut(film.locator('video'))
  assert.ok(found.length > 2 && Math.abs(found.at - 1) < 0.2 && !found.error, JSON.stringify(found))
  await film.scrollIntoViewIfNeeded()
  await desk.waitForTimeout(400)
  if (SHOTS) await desk.screenshot({ path: `${SHOTS}/clip-console.png` })
  const url = await film.locator('video').getAttribute('src')
  const status = (who) => who.evaluate((url) => fetch(url).then((r) => r.status), url)
  assert.equal(await status(desk), 200)
  assert.equal(await status(await stage.console('planner')), 403)
  const anybody = await stage.browser.newContext()
  assert.equal((await anybody.request.get(stage.story.server + url)).status(), 401)
})

test('no page threw an error or broke the content security policy', () => assert.deepEqual(stage.complaints, []))
