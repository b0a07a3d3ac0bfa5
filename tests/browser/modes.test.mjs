// Modes of a draw in the real user interface: a joint plan that the other department confirms in its own
// account, cells by conditions, a census, and teams that the office names. Registers come from the sample.
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { promisify } from 'node:util'
import { openBrowser, surely } from './browser.mjs'
import { startOffice } from './office.mjs'

const run = promisify(execFile)
const ROOT = new URL('../../', import.meta.url).pathname
const PASSWORD = 'Lake-2026-spring'
const DICE = [3, 7, 1, 10, 4, 4, 9, 2, 6, 8, 5, 1, 7, 3, 10, 9, 2, 6, 4, 8]
const YEAR = new Date().getFullYear()
const complaints = []
let office, browser, folder, admin, planner, supervisor, drawer, fire, people

/** Somebody who speaks HTTP. */
async function signedIn(login, password) {
  const person = { cookie: '', csrf: '' }
  person.ask = async (method, path, body, type = 'application/json') => {
    const headers = { cookie: person.cookie, 'x-csrf-token': person.csrf, 'content-type': type }
    const response = await fetch(office.url + path, { method, headers, body: type === 'application/json' ? body && JSON.stringify(body) : body })
    person.cookie = response.headers.get('set-cookie')?.split(';')[0] ?? person.cookie
    const text = await response.text()
    assert.ok(response.ok, `${method} ${path}: ${text}`)
    return text && JSON.parse(text)
  }
  person.csrf = (await person.ask('POST', '/api/session', { login, password })).csrf_token
  return person
}

async function account(login, role, department) {
  const made = await admin.ask('POST', '/api/accounts', { login, name: login, department: department || null, grants: [{ role, department }], status: 'active' })
  const person = await signedIn(login, made.one_time_password)
  await person.ask('POST', '/api/session/password', { old: made.one_time_password, new: PASSWORD })
  return person
}

async function imported(registrar, kind, file) {
  const { id } = await registrar.ask('POST', `/api/imports?kind=${kind}&name=${file}`, await readFile(join(folder, file)), 'application/octet-stream')
  for (let applied = false; ; ) {
    const { state, refused } = await registrar.ask('GET', `/api/imports/${id}`)
    if (state === 'checked' && !applied) {
      await registrar.ask('POST', `/api/imports/${id}/apply`, {})
      applied = true
    }
    if (state === 'done') return assert.equal(refused, 0)
    assert.notEqual(state, 'failed')
    await new Promise((later) => setTimeout(later, 100))
  }
}

/** A window of somebody's own. */
async function screen(login) {
  const page = await (await browser.newContext({ viewport: { width: 1440, height: 900 }, locale: 'zh-CN' })).newPage()
  page.on('pageerror', (error) => complaints.push(String(error)))
  page.on('console', (line) => /Content Security Policy|\[intlify\]|\[Vue warn\]/.test(line.text()) && complaints.push(line.text()))
  await page.goto(`${office.url}/console/sign-in`)
  await page.locator('input[name=login]').fill(login)
  await page.locator('input[name=password]').fill(PASSWORD)
  await page.keyboard.press('Enter')
  await page.waitForURL((url) => !url.pathname.endsWith('/sign-in'))
  return page
}

const choose = async (page, label, option, nth = 0) => {
  await page.locator('.el-select').filter({ has: page.getByRole('combobox', { name: label, exact: true }) }).nth(nth).click()
  await page.getByRole('option', { name: option }).filter({ visible: true }).first().click()
  await page.keyboard.press('Escape')
}

/** Approves, locks and draws a plan; the page of the draw. */
async function held(plan) {
  const id = plan.split('/').at(-1)
  await supervisor.ask('POST', `/api/plans/${id}/approve`, {})
  await supervisor.ask('POST', `/api/plans/${id}/lock`, {})
  const body = { plan: id, title: '示例抽取', ceremony_at: Date.now(), sides: 10, rolls: 20, public_from: 'draw' }
  const draw = (await drawer.ask('POST', '/api/draws', body)).id
  const page = people.drawer
  await page.goto(`${office.url}/console/draws/${draw}`)
  await page.getByRole('button', { name: '核对名单' }).click()
  await page.getByRole('heading', { name: '名单核对' }).waitFor()
  return { id: draw, page }
}

async function drawn({ id, page }) {
  for (const act of ['commit', 'close']) await drawer.ask('POST', `/api/draws/${id}/${act}`, {})
  await drawer.ask('POST', `/api/draws/${id}/dice`, { rolls: DICE })
  const response = await fetch(`${office.url}/api/public/draws/${id}/transcript.zip`)
  const zip = join(folder, `${id}.zip`)
  await import('node:fs/promises').then(async (fs) => fs.writeFile(zip, Buffer.from(await response.arrayBuffer())))
  await run(process.env.VERIFY_DRAW ?? join(ROOT, 'target/debug/verify-draw'), [zip])
  await page.reload()
  await page.getByRole('heading', { name: /抽取结果/ }).waitFor()
}

before(async () => {
  office = await startOffice()
  browser = await openBrowser()
  folder = await mkdtemp(join(tmpdir(), 'double-random-modes-'))
  await run(process.env.SERVER ?? join(ROOT, 'target/debug/server'), ['sample', '--out', folder])
  const once = await signedIn(office.login, office.password)
  await once.ask('POST', '/api/session/password', { old: office.password, new: PASSWORD })
  admin = await signedIn(office.login, PASSWORD)
  const registrar = await account('registrar', 'registrar', '')
  for (const [kind, file] of [['inspectors', 'inspectors.xlsx'], ['items', 'items.xlsx'], ['objects', 'objects.csv']]) await imported(registrar, kind, file)
  planner = await account('planner', 'planner', 'scjg')
  supervisor = await account('supervisor', 'supervisor', 'scjg')
  drawer = await account('drawer', 'draw_officer', 'scjg')
  fire = await account('fire', 'planner', 'xfjy')
  people = { planner: await screen('planner'), fire: await screen('fire'), drawer: await screen('drawer') }
})

after(async () => {
  await browser?.close()
  await office?.stop()
  if (folder) await rm(folder, { recursive: true })
  assert.deepEqual(complaints, [])
})

async function begin(title) {
  const page = people.planner
  await page.goto(`${office.url}/console/plans/new`)
  await page.getByLabel('计划名称').fill(title)
  await page.locator('.el-date-editor input').nth(0).fill(`${YEAR}-11-01`)
  await page.locator('.el-date-editor input').nth(1).fill(`${YEAR}-12-31`)
  await page.keyboard.press('Enter')
  return page
}

async function saved(page) {
  await page.getByRole('button', { name: '保存草稿' }).click()
  await page.waitForURL(/\/plans\/[0-9a-f-]{36}$/)
  return page.url()
}

// J1, D1, D2
test('a joint plan with cells by conditions is confirmed by the other department, and drawn', async () => {
  const page = await begin('大型商超联合抽查（示例）')
  await choose(page, '抽查事项', /食品销售监督检查/)
  await page.getByRole('button', { name: '增加参加部门' }).click()
  await choose(page, '参加部门', '消防救援局')
  await choose(page, '抽取单位', '按固定小组', 1)
  // One cell for each class to begin with; the first becomes the retail trade of one district.
  await page.getByRole('row', { name: /A 类/ }).getByRole('button').first().click()
  const dialog = page.getByRole('dialog', { name: '这一层包括哪些对象' })
  await dialog.getByText('A 类', { exact: true }).click()
  await dialog.locator('.el-select').nth(0).click()
  await page.getByRole('option', { name: '福田区' }).filter({ visible: true }).click()
  await page.keyboard.press('Escape')
  await dialog.getByText(/名称随抽取档案公开/).waitFor()
  await dialog.getByRole('button', { name: '确定' }).click()
  await page.getByText(/户不属于任何分层/).waitFor()
  await page.getByRole('button', { name: '加入其余对象' }).click()
  await page.getByText(/户不属于任何分层/).waitFor({ state: 'detached' })
  const plan = await saved(page)
  await page.getByText('有参加部门尚未确认').waitFor()
  assert.ok(await page.getByRole('button', { name: '提交批准' }).isDisabled())

  const other = people.fire
  await other.goto(`${office.url}/console/plans`)
  await other.getByText('待本部门确认').waitFor()
  await other.goto(plan)
  await other.getByRole('button', { name: '确认参加' }).click()
  const answer = other.getByRole('dialog')
  await answer.locator('.el-select').first().click()
  await other.getByRole('option', { name: /消防安全监督抽查/ }).click()
  await other.keyboard.press('Escape')
  await answer.getByRole('button', { name: '答复', exact: true }).click()
  await other.getByText('已确认', { exact: true }).waitFor()

  await page.reload()
  await surely(page, '提交批准')
  await page.getByText('本人编制的计划须由另一人批准').waitFor()
  const draw = await held(plan)
  await draw.page.getByRole('row', { name: /0001 福田区/ }).waitFor()
  await draw.page.getByRole('row', { name: /消防救援局/ }).waitFor()
  await draw.page.getByText('休假或外派').waitFor()
  await drawn(draw)
  const teams = draw.page.locator('tbody tr').first()
  await teams.getByText('消防救援局').waitFor()
  await teams.getByText('市场监督管理局').waitFor()
})

// D1
test('a census is drawn with its weeks', async () => {
  const page = await begin('特种设备普查（示例）')
  await choose(page, '抽查事项', /特种设备使用单位检查/)
  await page.getByText(/重点检查事项：比例不设上限/).waitFor()
  await page.locator('.mode').filter({ hasText: '普查' }).click()
  await page.getByLabel('普查的法律依据').fill('《中华人民共和国特种设备安全法》（示例）')
  await page.locator('.scope .el-select').first().click()
  await page.getByRole('option', { name: '盐田区' }).filter({ visible: true }).click()
  await page.keyboard.press('Escape')
  await page.getByLabel('名称包含').fill('第1')
  const plan = await saved(page)
  await surely(page, '提交批准')
  const draw = await held(plan)
  await drawn(draw)
  await draw.page.getByText('第 1 周').first().waitFor()
  await draw.page.getByText('第 8 周').first().waitFor()
})

// D1
test('where only objects are drawn, the office names who inspects', async () => {
  const page = await begin('广告随机抽查（示例）')
  await choose(page, '抽查事项', /广告行为检查/)
  await page.locator('.mode').filter({ hasText: '只抽对象' }).click()
  await page.getByLabel('不实行双随机的理由').fill('广告专业人员名录尚在核对，暂由科室指派')
  const plan = await saved(page)
  await surely(page, '提交批准')
  const draw = await held(plan)
  await drawn(draw)
  const at = draw.page
  assert.ok(await at.getByRole('button', { name: '派发任务' }).isDisabled())
  await at.locator('thead .el-checkbox').click()
  await at.getByRole('button', { name: /^指定检查组/ }).click()
  const dialog = at.getByRole('dialog')
  const knows = dialog.locator('.people .el-checkbox').filter({ hasText: '广告' })
  await knows.nth(0).click()
  await knows.nth(1).click()
  await dialog.getByPlaceholder('至少 4 个字').fill('辖区所负责，按排班指定')
  await dialog.getByRole('button', { name: '指定', exact: true }).click()
  await at.getByText('待指定').first().waitFor({ state: 'detached' })
  await surely(at, '派发任务')
  // Hundreds of tasks, on a machine that has other things to do as well.
  await at.getByRole('link', { name: '查看任务' }).waitFor({ timeout: 180_000 })
})
