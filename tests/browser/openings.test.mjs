// From the notice of a drawn object to the page where it finds itself, on a telephone without scripts;
// the auditor's bundle; slips; the year in draws. What comes before is played over HTTP.
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { promisify } from 'node:util'
import { openBrowser } from './browser.mjs'
import { playUpToDispatch } from './stage.mjs'

const ROOT = new URL('../../', import.meta.url).pathname
const VERIFY = process.env.VERIFY_DRAW ?? join(ROOT, 'target/debug/verify-draw')
const AXE = createRequire(import.meta.url).resolve('axe-core/axe.min.js')
/** Where pictures of each screen go, for looking at them. */
const SHOTS = process.env.SHOTS
let played, stage, browser, phone, task
const complaints = []

before(async () => {
  played = await playUpToDispatch()
  stage = played.story
  task = stage.tasks[0]
  browser = await openBrowser()
  phone = await browser.newContext({ viewport: { width: 390, height: 844 }, javaScriptEnabled: false, locale: 'zh-CN' })
})

after(async () => {
  await browser?.close()
  await played?.stop()
})

async function signIn(login) {
  const context = await browser.newContext({ viewport: { width: 1440, height: 900 }, locale: 'zh-CN' })
  const page = await context.newPage()
  page.on('pageerror', (error) => complaints.push(String(error)))
  page.on('console', (line) => /Content Security Policy/.test(line.text()) && complaints.push(line.text()))
  await page.goto(`${stage.server}/console/sign-in`)
  await page.locator('input[name=login]').fill(login)
  await page.locator('input[name=password]').fill(stage.password)
  await page.keyboard.press('Enter')
  await page.waitForURL((url) => !url.pathname.endsWith('/sign-in'))
  return page
}

async function shot(page, name) {
  if (SHOTS) await page.screenshot({ path: join(SHOTS, `${name}.png`), fullPage: true })
}

/** What axe finds wrong with a page; the engine is run beside the page's policy, not through it. */
async function axe(page) {
  const context = await browser.newContext({ viewport: page.viewportSize(), bypassCSP: true, storageState: await page.context().storageState() })
  const twin = await context.newPage()
  await twin.goto(page.url())
  await twin.waitForLoadState('networkidle')
  await twin.evaluate(await readFile(AXE, 'utf8'))
  const { violations } = await twin.evaluate(() => globalThis.axe.run(document, { runOnly: ['wcag2a', 'wcag2aa', 'wcag21aa', 'best-practice'] }))
  await context.close()
  return violations.map((v) => `${v.id}: ${v.nodes.map((n) => n.target.join(' ')).join(', ')}`)
}

// X1, S1
test('a notice is asked for by one person and issued by another', async () => {
  const officer = await signIn('drawer')
  await officer.goto(`${stage.server}/console/notices?draw=${stage.draw}`)
  await officer.getByRole('checkbox', { name: `选择${task.object}`, exact: true }).locator('xpath=..').click()
  await officer.getByRole('button', { name: '申请签发' }).click()
  const dialog = officer.getByRole('dialog')
  await dialog.getByLabel('联系人和电话').fill('张某（示例） 0755-00000000')
  await dialog.getByLabel('请对象准备的材料').fill('营业执照、食品经营许可证')
  await dialog.getByRole('button', { name: '申请签发' }).click()
  await officer.getByText('待签发').first().waitFor()
  await shot(officer, 'notices-asked')
  assert.deepEqual(await axe(officer), [])

  const supervisor = await signIn('supervisor')
  await supervisor.goto(`${stage.server}/console/tasks/${task.task}/notice`)
  await supervisor.getByText('草稿').waitFor()
  await supervisor.getByRole('button', { name: '签发', exact: true }).click()
  await supervisor.locator('.el-message-box').getByRole('button', { name: '签发' }).click()
  await supervisor.getByAltText('核验二维码').waitFor()
  await shot(supervisor, 'notice')
  assert.deepEqual(await axe(supervisor), [])
  if (SHOTS) await supervisor.pdf({ path: join(SHOTS, 'notice.pdf'), preferCSSPageSize: true, printBackground: true })
  await officer.goto(`${stage.server}/console/tasks/${task.task}`)
  await officer.getByRole('heading', { name: '检查通知书' }).waitFor()
  await shot(officer, 'task')
})

// X1: the way of an object that holds its notice
test('the QR code of the notice leads to the own lot and to who comes, without any script', async () => {
  const officer = await signIn('drawer')
  const notice = await officer.evaluate(async (id) => (await fetch(`/api/tasks/${id}/notice`)).json(), task.task)
  assert.equal(notice.state, 'issued')
  const page = await phone.newPage()
  await page.goto(notice.link)
  await page.getByText(`抽中，第 ${notice.content.draw.rank} 位`).waitFor()
  for (const m of notice.content.team) {
    await page.getByText(m.name).first().waitFor()
    await page.getByText(m.certificate).waitFor()
  }
  await page.getByText('申请回避').waitFor()
  await shot(page, 'mine-drawn')
  assert.deepEqual(await axe(page), [])
  // Typed by hand: id and salt, one digit wrong, then right.
  const { id, salt } = notice.content.opening
  await page.goto(`${stage.server}/draws/${stage.draw}/mine`)
  await shot(page, 'mine-form')
  await page.getByLabel('编号', { exact: true }).fill(id)
  await page.getByLabel('随机码').fill(salt.slice(0, 63) + (salt.endsWith('0') ? '1' : '0'))
  await page.getByRole('button', { name: '查询' }).click()
  await page.getByRole('alert').getByText('对不上这次抽取的任何名单').waitFor()
  await shot(page, 'mine-wrong')
  assert.deepEqual(await axe(page), [])
  await page.getByLabel('随机码').fill(`${salt.slice(0, 32)} ${salt.slice(32)}`)
  await page.getByRole('button', { name: '查询' }).click()
  await page.getByText('在名单内').waitFor()
  await page.close()
})

// D2: any object, drawn or not
test('an object that was not drawn gets a slip and finds itself', async () => {
  const officer = await signIn('drawer')
  await officer.goto(`${stage.server}/console/draws/${stage.draw}`)
  await officer.getByRole('button', { name: '出具凭条' }).click()
  await officer.getByPlaceholder('对象名称的一部分').fill('深圳')
  await officer.getByRole('button', { name: '出具凭条' }).first().waitFor()
  await shot(officer, 'slips-search')
  assert.deepEqual(await axe(officer), [])
  await officer.getByRole('button', { name: '出具凭条' }).last().click()
  const dialog = officer.getByRole('dialog')
  await dialog.locator('textarea').fill('对象来函索取')
  const [answer] = await Promise.all([
    officer.waitForResponse((r) => r.url().endsWith('/object-slips') && r.request().method() === 'POST'),
    dialog.getByRole('button', { name: '出具凭条' }).click(),
  ])
  const slip = await answer.json()
  await officer.getByAltText('查询二维码').waitFor()
  await shot(officer, 'slip')
  if (SHOTS) await officer.pdf({ path: join(SHOTS, 'slip.pdf'), preferCSSPageSize: true, printBackground: true })
  const page = await phone.newPage()
  await page.goto(slip.link)
  await page.getByText(slip.object_name).waitFor()
  await page.getByText(slip.blinded).waitFor()
  await shot(page, 'mine-slip')
  await page.close()
})

// D3
test('a witness checks a random sample on the own telephone', async () => {
  const officer = await signIn('drawer')
  const slips = await officer.evaluate(async (id) => (await fetch(`/api/draws/${id}/slips`)).json(), stage.draw)
  const slip = (slips.rows ?? slips)[0]
  const context = await browser.newContext({ viewport: { width: 390, height: 844 }, locale: 'zh-CN' })
  const page = await context.newPage()
  page.on('pageerror', (error) => complaints.push(String(error)))
  // The lists take their time: what is opened before they come stays open.
  let come
  const opened = new Promise((resolve) => (come = resolve))
  await page.route('**/lists/*.csv', async (route) => {
    await opened
    await route.continue()
  })
  await page.goto(slip.link)
  await page.getByRole('heading', { name: '请您抽查名单' }).waitFor()
  await page.getByText('✓ 20 个全部相符').waitFor()
  await page.locator('.samples summary').first().click()
  await page.getByText('名单公开以后，这一页会在本机再找一遍').first().waitFor()
  come()
  await page.getByText(/本机在公布的 (objects|excluded).csv 里找到/).first().waitFor()
  assert.ok(await page.locator('.samples summary').first().evaluate((s) => s === document.activeElement), 'the keyboard stays where it was')
  await shot(page, 'witness-sample')
  assert.deepEqual(await axe(page), [])
  await context.close()
})

// D2, K2
test('the auditor takes all openings with a reason, and they verify', async () => {
  const auditor = await signIn('auditor')
  await auditor.goto(`${stage.server}/console/draws/${stage.draw}`)
  await auditor.getByRole('button', { name: '调取全部对应关系' }).click()
  await auditor.getByRole('dialog').locator('textarea').fill('年度审计抽查')
  await shot(auditor, 'bundle')
  const [download] = await Promise.all([auditor.waitForEvent('download'), auditor.getByRole('button', { name: /下载档案和对应关系/ }).click()])
  const bundle = join(played.data, 'bundle.zip')
  await download.saveAs(bundle)
  const { stdout } = await promisify(execFile)(VERIFY, [bundle])
  assert.match(stdout, /openings\s+\d+|开封/)
  await auditor.goto(`${stage.server}/console/journal`)
  await auditor.getByText('查看封存的对应表').first().waitFor()
})

// J3, K1, D5
test('the year in draws, for the office and for the public', async () => {
  const officer = await signIn('drawer')
  await officer.goto(`${stage.server}/console/draws`)
  await shot(officer, 'draws')
  assert.deepEqual(await axe(officer), [])
  await officer.getByRole('link', { name: '全年情况' }).click()
  await officer.getByText('没有缺号').waitFor()
  await officer.getByRole('heading', { name: '计划覆盖' }).waitFor()
  await officer.waitForTimeout(500)
  await shot(officer, 'year')
  assert.deepEqual(await axe(officer), [])
  const page = await phone.newPage()
  await page.goto(`${stage.server}/draws`)
  await page.getByText('没有缺号').waitFor()
  await shot(page, 'portal-draws')
  assert.deepEqual(await axe(page), [])
  await page.getByRole('link', { name: /抽查〔\d+〕1号/ }).click()
  await page.getByRole('heading', { name: '抽取经过' }).waitFor()
  await shot(page, 'portal-draw')
  assert.deepEqual(await axe(page), [])
  await page.close()
  assert.deepEqual(complaints, [])
})
