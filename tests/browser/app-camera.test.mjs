// The camera path of the QR reader: Chromium's camera sees a film that the test makes from a QR code, as a
// sheet held before the tablet. And a camera that is refused, or not there.
import assert from 'node:assert/strict'
import { mkdir, mkdtemp, open, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import encodeQR from 'qr'
import { openBrowser } from './browser.mjs'
import { openStage, saved } from './stage.mjs'

const SHOTS = process.env.SHOTS
const [WIDTH, HEIGHT] = [640, 480]
let stage, visit, folder, film, page
const others = []

/** Half a second of a sheet with a QR code, grey as cameras see it; of an empty sheet without a text. */
async function shoot(text) {
  const light = Buffer.alloc(WIDTH * HEIGHT, 205)
  if (text) {
    const code = encodeQR(text, 'raw', { border: 4 })
    const size = Math.floor(400 / code.length)
    const [left, top] = [Math.floor((WIDTH - size * code.length) / 2), Math.floor((HEIGHT - size * code.length) / 2)]
    code.forEach((line, y) => line.forEach((dark, x) => {
      for (let row = 0; row < size; row++) light.fill(dark ? 32 : 236, (top + y * size + row) * WIDTH + left + x * size, (top + y * size + row) * WIDTH + left + (x + 1) * size)
    }))
  }
  const frame = Buffer.concat([Buffer.from('FRAME\n'), light, Buffer.alloc((WIDTH * HEIGHT) / 2, 128)])
  const file = await open(film, 'w')
  await file.write(`YUV4MPEG2 W${WIDTH} H${HEIGHT} F10:1 Ip A1:1 C420jpeg\n`)
  for (let n = 0; n < 5; n++) await file.write(frame)
  await file.close()
}

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'double-random-film-'))
  film = join(folder, 'film.y4m')
  if (SHOTS) await mkdir(SHOTS, { recursive: true })
  await shoot('')
  stage = await openStage({ film })
  visit = stage.story.tasks[0]
})

after(async () => {
  for (const browser of others) await browser.close()
  await stage?.close()
  await rm(folder, { recursive: true, force: true })
})

const shot = (name) => SHOTS && page.screenshot({ path: `${SHOTS}/${name}.png` })
const screen = { viewport: { width: 820, height: 1180 }, hasTouch: true, locale: 'zh-CN', permissions: ['geolocation'] }

// S2
test('a tablet is enrolled by its camera', async () => {
  const { launch, code, server } = stage.story.tablets[0]
  const context = await stage.browser.newContext(screen)
  page = stage.watch(await context.newPage())
  await page.goto(launch)
  await page.getByRole('button', { name: '扫描登记二维码' }).tap()
  await page.getByRole('button', { name: '打开摄像头' }).tap()
  await page.getByText('正在识别').waitFor()
  await page.waitForTimeout(1_000)
  assert.equal(await page.locator('fieldset').count(), 0, 'an empty sheet is no code')
  await shot('camera-looking')
  await page.getByRole('button', { name: '取消' }).tap()
  await shoot(`${server}/#enrol=${code}`)
  await page.getByRole('button', { name: '扫描登记二维码' }).tap()
  await page.getByRole('button', { name: '打开摄像头' }).tap()
  await page.locator('fieldset').first().waitFor()
  const open = await page.evaluate(() => [...document.querySelectorAll('video')].some((video) => video.srcObject))
  assert.equal(open, false, 'the camera is let go')
  for (const field of await page.locator('fieldset input[type=password]').all()) await field.fill(stage.story.pin)
  await page.getByRole('button', { name: '完成登记' }).tap()
  await stage.unlock(page, visit.team[0].name)
  await page.locator('.guide').getByRole('button', { name: '跳过' }).tap()
})

// X2
test('the inspection code is read by the camera, and the record says how', async () => {
  await page.locator('.row-card').filter({ hasText: visit.object }).first().tap()
  const code = await page.locator('dd').filter({ hasText: /^[0-9A-Z]{18}$/ }).first().innerText()
  await page.getByRole('button', { name: '开始检查', exact: true }).tap()
  await page.getByRole('button', { name: '已出示，开始检查' }).tap()
  await shoot(`https://jcm.example/c?uscc=${code}`)
  await page.getByRole('button', { name: '扫描检查码' }).tap()
  await page.getByRole('button', { name: '打开摄像头' }).tap()
  await page.getByText('与检查对象一致').waitFor()
  await saved(page)
  const how = await page.evaluate(async (task) => (await (await fetch(`/api/tasks/${task}/record`)).json()).cells['code/how'].values[0].value, visit.task)
  assert.equal(how, 'camera')
  await shot('camera-read')
})

test('a camera that is refused or not there: the page says which, and typing stays', async () => {
  const { launch, code, server } = stage.story.tablets[1]
  let cookies = []
  let address = launch
  for (const [what, options, words] of [
    ['refused', { film, consent: false }, '没有使用摄像头的权限'],
    ['missing', {}, '没有可用的摄像头'],
  ]) {
    const browser = await openBrowser(options)
    others.push(browser)
    const context = await browser.newContext(screen)
    if (what === 'missing') await context.grantPermissions(['camera'])
    // A launch address opens once: the next browser takes the cookie over.
    await context.addCookies(cookies)
    page = stage.watch(await context.newPage())
    await page.goto(address)
    await page.getByRole('button', { name: '扫描登记二维码' }).tap()
    await page.getByRole('button', { name: '打开摄像头' }).tap()
    await page.getByRole('alert').getByText(words).waitFor()
    await page.waitForTimeout(400)
    await shot(`camera-${what}`)
    cookies = await context.cookies()
    address = page.url()
  }
  await page.getByLabel('手工输入登记码').fill(`${server}/#enrol=${code}`)
  await page.getByRole('button', { name: '使用' }).tap()
  await page.locator('fieldset').first().waitFor()
})

test('no page threw an error or broke the content security policy', () => assert.deepEqual(stage.complaints, []))
