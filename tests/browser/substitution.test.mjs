// Substitution in the real user interfaces: asked for by one person, approved by another, told by the
// draw's order; the tablet of the relieved hears of it. What comes before is played over HTTP.
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { openBrowser } from './browser.mjs'
import { playUpToDispatch } from './stage.mjs'

const ROOT = new URL('../../', import.meta.url).pathname
const EVIDENCE = { name: '诊断证明（示例）.pdf', mimeType: 'application/pdf', buffer: Buffer.from('%PDF-1.7 sample') }
let played, stage, browser, drawer, supervisor, tablet
const complaints = []

async function open(options) {
  const page = await (await browser.newContext({ locale: 'zh-CN', ...options })).newPage()
  page.on('pageerror', (error) => complaints.push(String(error)))
  page.on('console', (line) => /Content Security Policy|\[intlify\]/.test(line.text()) && complaints.push(line.text()))
  return page
}

async function signIn(login) {
  const page = await open({ viewport: { width: 1440, height: 900 } })
  await page.goto(`${stage.server}/console/sign-in`)
  await page.locator('input[name=login]').fill(login)
  await page.locator('input[name=password]').fill(stage.password)
  await page.keyboard.press('Enter')
  await page.waitForURL((url) => !url.pathname.endsWith('/sign-in'))
  return page
}

before(async () => {
  played = await playUpToDispatch()
  stage = played.story
  browser = await openBrowser()
  drawer = await signIn('drawer')
  supervisor = await signIn('supervisor')
})

after(async () => {
  await browser?.close()
  await played?.stop()
})

const [first, second] = [() => stage.tasks[0], () => stage.tasks[1]]
const taskPage = (page, visit) => page.goto(`${stage.server}/console/tasks/${visit.task}`)

/** Chooses in a select of the form by its label. */
async function choose(page, label, option) {
  await page.locator('.el-drawer .el-form-item').filter({ hasText: label }).locator('.el-select').click()
  await page.getByRole('option', { name: option }).filter({ visible: true }).click()
}

async function asks(page, kind, ground, person) {
  await page.getByRole('button', { name: '申请递补' }).click()
  const form = page.locator('.el-drawer')
  await form.getByText(kind, { exact: true }).click()
  if (person) await choose(page, '检查人员', person)
  await choose(page, '理由', ground)
  await form.getByPlaceholder('时间、经过、依据的文件').fill('附证明材料，情况属实。')
  await form.locator('input[type=file]').setInputFiles(EVIDENCE)
  await form.getByText('诊断证明（示例）.pdf').waitFor()
  await form.getByRole('button', { name: '提交申请' }).click()
  await page.getByText('您是申请人，须由另一人审批').or(page.locator('.entry[data-state=pending]')).first().waitFor()
}

async function approves(page) {
  const entry = page.locator('.entry[data-state=pending]').first()
  await entry.getByRole('button', { name: '批准', exact: true }).click()
  await page.locator('.el-message-box').getByRole('button', { name: '批准', exact: true }).click()
  await page.locator('.entry[data-state=approved]').first().waitFor()
}

/** A tablet of the first task's leader, who has the task. */
async function enrolAndUnlock() {
  const { launch, code, server } = stage.tablets[0]
  tablet = await open({ viewport: { width: 820, height: 1180 }, hasTouch: true })
  await tablet.goto(launch)
  await tablet.getByLabel('服务器地址').fill(server)
  await tablet.getByLabel('登记码').fill(code)
  await tablet.getByRole('button', { name: '下一步' }).tap()
  await tablet.locator('fieldset').first().waitFor()
  for (const field of await tablet.locator('fieldset input[type=password]').all()) await field.fill(stage.pin)
  await tablet.getByRole('button', { name: '完成登记' }).tap()
  await tablet.getByRole('button', { name: new RegExp(first().team[0].name) }).first().tap()
  await tablet.locator('.pad').waitFor()
  for (const digit of stage.pin) await tablet.getByRole('button', { name: digit, exact: true }).tap()
  await tablet.getByRole('button', { name: '解锁' }).tap()
  await tablet.getByText(first().object).first().waitFor()
}

// D4, S1
test('an inspector is relieved: asked for on the task page, approved by another person', async () => {
  await enrolAndUnlock()
  const leader = first().team[0].name
  await taskPage(drawer, first())
  await asks(drawer, '替换人员', '因病不能参加', new RegExp(leader))
  assert.equal(await drawer.getByRole('button', { name: '批准', exact: true }).count(), 0)

  await supervisor.goto(`${stage.server}/console/`)
  await supervisor.getByRole('link', { name: /递补待审批/ }).click()
  await supervisor.getByText(`替换人员：${leader} · ${first().object}`).waitFor()
  await approves(supervisor)
  await supervisor.getByText(new RegExp(`${leader}退出检查组，由.+接替`)).waitFor()

  await taskPage(drawer, first())
  await drawer.getByText(/递补加入/).waitFor()
  await drawer.getByText(/已替换/).waitFor()
  await drawer.getByText(/审核人（示例）于 .+ 批准/).waitFor()
})

// D4, X5
test('the tablet of the relieved says so, and keeps what was recorded readable', async () => {
  await tablet.goto(`${tablet.url().split('#')[0]}#/sync`)
  await tablet.getByRole('button', { name: '立即同步' }).tap()
  await tablet.goto(`${tablet.url().split('#')[0]}#/tasks/${first().task}`)
  await tablet.getByText('您已被替换，由检查组其他人员继续检查').waitFor()
  await tablet.getByRole('button', { name: '查看记录' }).waitFor()
})

// D4
test('an object is replaced by the next reserve, from the page of the draw', async () => {
  await drawer.goto(`${stage.server}/console/draws/${stage.draw}`)
  await drawer.getByRole('button', { name: '申请递补' }).click()
  const form = drawer.locator('.el-drawer')
  await form.getByText('更换对象', { exact: true }).click()
  await form.locator('.el-form-item').filter({ hasText: '检查对象' }).locator('input').first().fill(second().object)
  await drawer.getByRole('option', { name: new RegExp(second().object) }).first().click()
  await choose(drawer, '理由', '已停业或者歇业')
  await form.getByPlaceholder('时间、经过、依据的文件').fill('现场核实已停业，附照片。')
  await form.locator('input[type=file]').setInputFiles(EVIDENCE)
  await form.getByText('诊断证明（示例）.pdf').waitFor()
  await form.getByRole('button', { name: '提交申请' }).click()
  await drawer.getByText(`更换对象：${second().object}`).waitFor()

  await supervisor.goto(`${stage.server}/console/draws/${stage.draw}`)
  await approves(supervisor)
  await supervisor.getByText(new RegExp(`${second().object}不再检查，由候补对象.+接替`)).waitFor()
  await taskPage(supervisor, second())
  await supervisor.getByText('这项任务已经取消').waitFor()
})

// D4
test('the public reads each step with its ground', async () => {
  const page = await open({ viewport: { width: 390, height: 844 }, javaScriptEnabled: false })
  await page.goto(`${stage.server}/draws/${stage.draw}`)
  await page.getByRole('heading', { name: '递补记录' }).waitFor()
  await page.getByText('理由：因病不能参加。').waitFor()
  await page.getByText('理由：已停业或者歇业。').waitFor()
  assert.deepEqual(complaints, [])
})
