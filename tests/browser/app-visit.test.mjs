// What a visit needs beside the check points, in the real pages of a tablet: enrolment by QR, legal texts,
// inspection code, place, a witness's hand, and the copy that the party takes along.
import assert from 'node:assert/strict'
import { mkdir } from 'node:fs/promises'
import { after, before, test } from 'node:test'
import encodeQR from 'qr'
import { answer, at, begin, openStage, saved, writeInk } from './stage.mjs'

let stage, visit, page, other
/** Folder for pictures of the screens; none are kept unless it is named. */
const SHOTS = process.env.SHOTS

before(async () => {
  stage = await openStage()
  visit = stage.story.tasks[0]
  if (SHOTS) await mkdir(SHOTS, { recursive: true })
})

after(() => stage?.close())

const shot = (on, name) => SHOTS && on.screenshot({ path: `${SHOTS}/${name}.png` })

/** A photo of a QR code, as a camera leaves one in the gallery. */
async function picture(text) {
  const context = await stage.browser.newContext({ viewport: { width: 700, height: 700 } })
  const sheet = await context.newPage()
  await sheet.setContent(`<body style="background:#ddd;padding:60px">${encodeQR(text, 'svg', { border: 4 })}</body><style>svg{width:420px;height:420px;background:#fff}</style>`)
  const buffer = await sheet.screenshot({ type: 'jpeg', quality: 80 })
  await context.close()
  return { name: 'code.jpg', mimeType: 'image/jpeg', buffer }
}

const choose = async (on, file) => on.getByLabel('选择图片').setInputFiles(file)

// S2: server and code from the console's QR
test('a tablet is enrolled by the picture of a QR code', async () => {
  const { launch, code, server } = stage.story.tablets[0]
  const context = await stage.browser.newContext({
    viewport: { width: 820, height: 1180 },
    hasTouch: true,
    locale: 'zh-CN',
    geolocation: { latitude: 22.5431, longitude: 114.0579, accuracy: 9 },
    permissions: ['geolocation'],
  })
  page = stage.watch(await context.newPage())
  await page.goto(launch)
  await page.getByRole('button', { name: '扫描登记二维码' }).tap()
  await choose(page, await picture('https://elsewhere.example/menu'))
  await page.getByText('这不是登记二维码').waitFor()
  await page.getByRole('button', { name: '扫描登记二维码' }).tap()
  await page.waitForTimeout(500)
  await shot(page, 'enrol-scan')
  await choose(page, await picture(`${server}/#enrol=${code}`))
  await page.locator('fieldset').first().waitFor()
  for (const field of await page.locator('fieldset input[type=password]').all()) await field.fill(stage.story.pin)
  await page.getByRole('button', { name: '完成登记' }).tap()
  await stage.unlock(page, visit.team[0].name)
  other = await stage.enrol(stage.story.tablets[1])
})

// F1
test('the task shows legal bases of every check point without a network', async () => {
  await page.getByText(visit.object).first().waitFor()
  stage.network('cut')
  await at(page, `/tasks/${visit.task}`)
  await page.getByRole('heading', { name: '法律依据' }).waitFor()
  await page.getByRole('button', { name: '看每个要点的依据' }).tap()
  await page.getByText(/要求：/).first().waitFor()
  await shot(page, 'task-legal')
})

// X2, F2
test('the inspection code is read and compared, the place has its distance', async () => {
  const code = await page.locator('dd').filter({ hasText: /^[0-9A-Z]{18}$/ }).first().innerText()
  await begin(page)
  // One object in thirteen of the sample has no place in the register.
  const { object } = await page.evaluate((task) => fetch(`/api/tasks/${task}`).then((r) => r.json()), visit.task)
  const distance = page.getByText(/在登记位置\S*方向 \d/)
  if (object.lat_e7 == null) assert.equal(await distance.count(), 0)
  else await distance.waitFor()
  await page.getByRole('button', { name: '扫描检查码' }).tap()
  await choose(page, await picture('https://jcm.example/c?uscc=91440300MA5FAKE99X'))
  await page.getByText('与检查对象不一致').waitFor()
  await page.getByRole('button', { name: '重新扫描' }).tap()
  await page.waitForTimeout(400)
  await choose(page, await picture(`https://jcm.example/c?uscc=${code}`))
  await page.getByText('与检查对象一致').waitFor()
  await saved(page)
  await shot(page, 'arrival-code')
})

// F9
test('a witness signs by hand', async () => {
  await at(page, `/tasks/${visit.task}/record/evidence`)
  await page.getByRole('button', { name: '加一位见证人' }).tap()
  await page.getByLabel('姓名').fill('示例代表')
  await page.getByLabel('身份').last().fill('人大代表')
  await page.getByRole('button', { name: '请见证人签名' }).tap()
  await page.locator('canvas').waitFor()
  await page.waitForTimeout(400)
  await writeInk(page)
  await page.getByRole('button', { name: '存入记录' }).tap()
  await page.getByRole('img', { name: '示例代表的手写签名' }).waitFor()
  await page.waitForTimeout(500)
  await shot(page, 'witness-ink')
})

// X4
test('the party takes its copy: a file at once, a page when the record has arrived', async () => {
  await at(page, `/tasks/${visit.task}/record/points`)
  const cards = page.locator('article.point')
  await cards.first().waitFor()
  for (let n = 0; n < (await cards.count()); n++) await answer(cards.nth(n), '符合')
  await saved(page)
  await at(page, `/tasks/${visit.task}/record/result`)
  await page.getByRole('checkbox').first().tap()
  await page.getByRole('checkbox', { name: /未发现问题/ }).first().tap()
  await saved(page)
  await at(page, `/tasks/${visit.task}/record/opinion`)
  await page.getByLabel('意见内容').first().fill('未发现问题，建议保持。')
  await page.getByRole('button', { name: '无异议' }).tap()
  await page.getByLabel('在场代表姓名').fill('示例负责人')
  await page.getByRole('button', { name: '店长' }).tap()
  await page.getByRole('button', { name: '现在结束' }).tap()
  await saved(page)
  await stage.sign(page, visit.task, 2)
  await page.getByText('副本').first().scrollIntoViewIfNeeded()
  await shot(page, 'party-copy')

  const copy = await page.evaluate(async (task) => {
    const [about, file] = await Promise.all([fetch(`/api/tasks/${task}/copy`), fetch(`/api/tasks/${task}/copy.html`)])
    return { ...(await about.json()), html: await file.text() }
  }, visit.task)
  const reader = await stage.browser.newContext({ viewport: { width: 390, height: 844 }, javaScriptEnabled: false, offline: true })
  const paper = stage.watch(await reader.newPage())
  await paper.setContent(copy.html)
  await paper.getByText('双随机抽查记录表').first().waitFor()
  await paper.getByText('示例代表').waitFor()
  assert.ok((await paper.locator('svg').count()) >= 4, 'party, two inspectors and the witness')
  assert.ok(!/<script|https?:\/\/(?!127)[^ <]*\.(js|css|png)/.test(copy.html), 'nothing from elsewhere')
  await shot(paper, 'party-copy-file')

  // The portal's address goes through the same cut link; the page itself is asked at the office.
  const address = new URL(copy.url)
  const asked = `${stage.story.server}${address.pathname}${address.search}`
  const phone = stage.watch(await (await stage.browser.newContext({ viewport: { width: 390, height: 844 }, javaScriptEnabled: false })).newPage())
  await phone.goto(asked)
  await phone.getByText('这里还没有这份记录').waitFor()
  stage.network('restore')
  for (let tries = 0; tries < 240 && !(await phone.getByRole('heading', { name: '签字' }).count()); tries++) {
    await phone.waitForTimeout(1_000)
    await phone.goto(asked)
  }
  await phone.getByText(copy.fingerprint).waitFor()
  await shot(phone, 'party-copy-portal')
  await phone.goto(asked.replace(/[0-9a-f]{32}$/, '0'.repeat(32)))
  await phone.getByText('这里还没有这份记录').waitFor()
  assert.deepEqual(stage.complaints, [])
  assert.ok(other)
})
