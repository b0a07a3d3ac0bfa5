// One inspection in the real user interfaces, from the enrolment of two tablets to the public page.
// What comes before (registers, plan, draw, dispatch) is played over HTTP by the same program that
// plays the demo.
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { openBrowser } from './browser.mjs'

const ROOT = new URL('../../', import.meta.url).pathname
const PLAY = process.env.PLAY ?? join(ROOT, 'target/debug/play')
let data, stage, child, browser
const complaints = []
/** The two tablets' pages. */
const tablets = []

async function playUpToDispatch() {
  data = await mkdtemp(join(tmpdir(), 'double-random-whole-'))
  child = spawn(PLAY, ['--stage', '--data', join(data, 'stage')], { stdio: ['pipe', 'pipe', 'inherit'] })
  let said = ''
  return new Promise((resolve, reject) => {
    child.once('error', reject)
    child.once('exit', (code) => reject(new Error(`play ended with ${code}: ${said}`)))
    child.stdout.on('data', (text) => {
      said += text
      const found = /^stage (\{.*\})$/m.exec(said)
      if (found) resolve(JSON.parse(found[1]))
    })
  })
}

function watch(page) {
  page.setDefaultTimeout(20_000)
  page.on('pageerror', (error) => complaints.push(String(error)))
  page.on('console', (line) => /Content Security Policy/.test(line.text()) && complaints.push(line.text()))
  return page
}

before(async () => {
  stage = await playUpToDispatch()
  browser = await openBrowser()
})

after(async () => {
  await browser?.close()
  child?.removeAllListeners('exit')
  const gone = child && new Promise((done) => child.once('exit', done))
  child?.stdin.end()
  await gone
  if (data) await rm(data, { recursive: true, force: true })
})

const visit = () => stage.tasks[0]
const at = (page, path) => page.goto(`${page.url().split('#')[0]}#${path}`)
const saved = (page) => page.waitForTimeout(900)
/** `cut` or `restore`: the network of both tablets. */
const network = (word) => child.stdin.write(`${word}\n`)

// S2: enrolment by a one-time code
test('two tablets are enrolled with their inspectors', async () => {
  for (const { launch, code, server } of stage.tablets) {
    const context = await browser.newContext({
      viewport: { width: 820, height: 1180 },
      hasTouch: true,
      locale: 'zh-CN',
      geolocation: { latitude: 22.5431, longitude: 114.0579, accuracy: 9 },
      permissions: ['geolocation'],
    })
    const page = watch(await context.newPage())
    await page.goto(launch)
    await page.getByLabel('服务器地址').fill(server)
    await page.getByLabel('登记码').fill(code)
    await page.getByRole('button', { name: '下一步' }).tap()
    await page.locator('fieldset').first().waitFor()
    for (const field of await page.locator('fieldset input[type=password]').all()) await field.fill(stage.pin)
    await page.getByRole('button', { name: '完成登记' }).tap()
    tablets.push(page)
  }
})

async function unlock(page, name) {
  await page.getByRole('button', { name: new RegExp(name) }).first().tap()
  await page.locator('.pad').waitFor()
  for (const digit of stage.pin) await page.getByRole('button', { name: digit, exact: true }).tap()
  await page.getByRole('button', { name: '解锁' }).tap()
  await page.getByRole('heading', { name: '检查任务' }).waitFor()
}

// F1
test('each inspector unlocks and finds the drawn task', async () => {
  for (const [n, page] of tablets.entries()) {
    await unlock(page, visit().team[n].name)
    await page.getByText(visit().object).first().waitFor()
  }
})

/** Answers one check point as its kind wants it. */
async function answer(card, verdict) {
  const radios = card.getByRole('radio')
  if (await card.getByRole('radio', { name: '符合', exact: true }).count()) {
    await card.getByRole('radio', { name: verdict, exact: true }).tap()
  } else if (await radios.count()) await radios.first().tap()
  else if (await card.locator('input[inputmode]').count()) await card.locator('input[inputmode]').first().fill('12')
  else await card.locator('textarea').first().fill('现场查看属实。')
}

// F2, F3, F5
test('both work without network, and their different answers are settled by a person', async () => {
  const [one, two] = tablets
  network('cut')
  const path = `/tasks/${visit().task}`
  await at(one, path)
  await one.getByRole('button', { name: '开始检查' }).tap()
  await one.getByRole('button', { name: '已出示，开始检查' }).tap()
  await saved(one)

  await at(one, `${path}/record/points`)
  const cards = one.locator('article.point')
  await cards.first().waitFor()
  const count = await cards.count()
  assert.ok(count >= 8, `${count} check points`)
  for (let n = 0; n < count; n++) await answer(cards.nth(n), '符合')
  const [chooser] = await Promise.all([
    one.waitForEvent('filechooser'),
    cards.first().locator('label.add').nth(1).tap(),
  ])
  const jpeg = await one.screenshot({ type: 'jpeg', quality: 70 })
  await chooser.setFiles({ name: 'shelf.jpg', mimeType: 'image/jpeg', buffer: jpeg })
  await cards.first().locator('.shot').first().waitFor()

  // The colleague answers the second point otherwise; neither tablet knows of the other's work.
  await at(two, `${path}/record/points`)
  const other = two.locator('article.point').nth(1)
  await other.waitFor()
  await answer(other, '不符合')
  await saved(two)
  network('restore')

  await at(one, `${path}/record/points`)
  const choices = cards.nth(1).getByRole('button', { name: '以此为准' })
  await choices.nth(1).waitFor({ timeout: 90_000 })
  assert.equal(await choices.count(), 2, 'both answers are shown')
  const sides = await Promise.all((await choices.all()).map((c) => c.locator('xpath=..').innerText()))
  const mine = sides.findIndex((side) => side.includes('本机'))
  assert.match(sides[mine], /(^|\s)符合/)
  assert.match(sides[1 - mine], /不符合/)
  await choices.nth(mine).tap()
  await cards.nth(1).getByRole('button', { name: '以此为准' }).first().waitFor({ state: 'detached' })
  await saved(one)

  await at(one, `${path}/record/result`)
  await one.getByRole('checkbox').first().tap()
  await one.getByRole('checkbox', { name: /未发现问题/ }).first().tap()
  await saved(one)
  await at(one, `${path}/record/opinion`)
  await one.getByLabel('意见内容').first().fill('未发现问题，建议保持。')
  await one.getByRole('button', { name: '无异议' }).tap()
  await one.getByLabel('在场代表姓名').fill('示例负责人')
  await one.getByRole('button', { name: '店长' }).tap()
  await one.getByRole('button', { name: '现在结束' }).tap()
  await saved(one)
})

async function ink(page) {
  const box = await page.locator('canvas').boundingBox()
  await page.mouse.move(box.x + 80, box.y + 90)
  await page.mouse.down()
  for (let i = 0; i <= 40; i++) await page.mouse.move(box.x + 80 + i * 10, box.y + 100 + Math.sin(i / 3) * 50)
  await page.mouse.up()
}

// F4
test('the party and both inspectors sign on one tablet, and the record is sealed', async () => {
  const [one] = tablets
  await at(one, `/tasks/${visit().task}/ready`)
  const wait = one.getByRole('button', { name: '不等待' })
  await one.waitForTimeout(800)
  if (await wait.count()) {
    await wait.first().tap()
    await one.getByLabel('理由').fill('内容已当面核对')
    await one.getByRole('button', { name: '确定' }).tap()
  }
  await one.getByRole('button', { name: /开始签名/ }).tap()
  await one.getByRole('button', { name: /已核对/ }).tap()
  await one.locator('canvas').waitFor()
  await ink(one)
  await one.getByRole('button', { name: '确认' }).tap()
  for (let signer = 0; signer < 2; signer++) {
    const next = one.getByRole('button', { name: /下一步：输入 PIN/ })
    await next.waitFor()
    await ink(one)
    await next.tap()
    for (const digit of stage.pin) await one.getByRole('button', { name: digit, exact: true }).tap()
    await one.getByRole('button', { name: '确认签名' }).tap()
    await one.getByRole('button', { name: '确认签名' }).waitFor({ state: 'detached' })
  }
  await one.getByText(/[0-9a-f]{4} [0-9a-f]{4} [0-9a-f]{4}/).first().waitFor()
})

async function consoleFor(login) {
  const context = await browser.newContext({ viewport: { width: 1440, height: 900 }, locale: 'zh-CN' })
  const page = watch(await context.newPage())
  await page.goto(`${stage.server}/console/`)
  await page.locator('input[name=login]').fill(login)
  await page.locator('input[name=password]').fill(stage.password)
  await page.keyboard.press('Enter')
  await page.getByRole('navigation').first().waitFor()
  return page
}

/** Presses a button and the same word in the question that follows. */
async function decide(page, word) {
  await page.getByRole('button', { name: word, exact: true }).first().click()
  await page.locator('.el-message-box').getByRole('button', { name: word, exact: true }).click()
}

// V1, V2, U1
test('a supervisor accepts the record and a publisher publishes it', async () => {
  const supervisor = await consoleFor('supervisor')
  await supervisor.goto(`${stage.server}/console/review/${visit().task}`)
  const button = supervisor.getByRole('button', { name: '通过', exact: true })
  for (let tries = 0; tries < 20 && !(await button.count()); tries++) {
    await supervisor.waitForTimeout(1_000)
    await supervisor.reload()
    await supervisor.getByText(visit().object).first().waitFor()
    await supervisor.waitForTimeout(500)
  }
  await decide(supervisor, '通过')
  await supervisor.getByText('已通过').first().waitFor()

  const publisher = await consoleFor('publisher')
  await publisher.goto(`${stage.server}/console/publication`)
  await publisher.getByText(visit().object).first().click()
  await decide(publisher, '公示')
  await publisher.getByText(/公示期内|公示中|已公示/).first().waitFor()
})

// U5: the public page needs no JavaScript
test('a citizen without JavaScript finds the result', async () => {
  const context = await browser.newContext({ viewport: { width: 390, height: 844 }, javaScriptEnabled: false, locale: 'zh-CN' })
  const page = watch(await context.newPage())
  await page.goto(`${stage.server}/`)
  await page.getByRole('searchbox').fill(visit().object)
  await page.keyboard.press('Enter')
  await page.getByRole('link', { name: new RegExp(visit().object.replace(/[（）]/g, '.')) }).first().click()
  await page.getByRole('heading', { name: visit().object }).waitFor()
  await page.getByText('未发现问题').first().waitFor()
  const text = await page.locator('body').innerText()
  assert.doesNotMatch(text, /风险等级|risk/i)
})

test('no page threw an error or broke the content security policy', () => {
  assert.deepEqual(complaints, [])
})
