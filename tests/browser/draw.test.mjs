import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { promisify } from 'node:util'
import { openBrowser, surely } from './browser.mjs'
import { startOffice } from './office.mjs'
import { inspectors, items, objects } from './sample.mjs'

const PASSWORD = 'Lake-2026-spring'
const DICE = [3, 7, 1, 10, 4, 4, 9, 2, 6, 8, 5, 1, 7, 3, 10, 9, 2, 6, 4, 8]
const VERIFY = process.env.VERIFY_DRAW ?? new URL('../../target/debug/verify-draw', import.meta.url).pathname
let office, browser, plan

before(async () => {
  office = await startOffice()
  browser = await openBrowser()
})

after(async () => {
  await browser?.close()
  await office?.stop()
})

/** Signs in in a window of its own and, the first time, chooses a password. */
async function signIn(login, once) {
  const page = await (await browser.newContext({ viewport: { width: 1440, height: 900 } })).newPage()
  await page.goto(`${office.url}/console/sign-in`)
  await page.locator('input[name=login]').fill(login)
  await page.locator('input[name=password]').fill(once ?? PASSWORD)
  await page.keyboard.press('Enter')
  if (once) {
    await page.locator('input[name=new]').fill(PASSWORD)
    await page.locator('input[name=again]').fill(PASSWORD)
    await page.keyboard.press('Enter')
  }
  await page.waitForURL((url) => !url.pathname.endsWith('/sign-in'))
  return page
}

async function account(admin, login, role, everywhere) {
  await admin.goto(`${office.url}/console/accounts`)
  await admin.getByRole('button', { name: '新增账号' }).click()
  const drawer = admin.locator('.el-drawer')
  await drawer.getByLabel('用户名', { exact: true }).fill(login)
  await drawer.getByLabel('姓名', { exact: true }).fill(`${role}甲`)
  await drawer.locator('.line .el-select').first().click()
  await admin.getByRole('option', { name: role, exact: true }).click()
  if (!everywhere) {
    await drawer.locator('.line .el-select').last().click()
    await admin.getByRole('option', { name: '市场监督管理局（示例）' }).filter({ visible: true }).click()
  }
  await drawer.getByRole('button', { name: '保存' }).click()
  const once = await drawer.locator('.secret .large').innerText()
  await (await signIn(login, once)).context().close()
}

// O4, I1, L4
test('registers are imported: check first, refused rows in place, then apply', async () => {
  const admin = await signIn(office.login, office.password)
  await account(admin, 'registrar', '名录管理员', true)
  const page = await signIn('registrar')
  for (const [kind, body, n] of [
    ['inspectors', inspectors(12), 12],
    ['items', items(), 3],
    ['objects', Buffer.concat([objects(200), Buffer.from('错误商行,91440300MA5X00000A,某处,福田区,A\n')]), 200],
  ]) {
    await page.goto(`${office.url}/console/import/${kind}`)
    await page.locator('input[type=file]').setInputFiles({ name: `${kind}.csv`, mimeType: 'text/csv', buffer: body })
    if (kind === 'objects') await page.getByRole('cell', { name: '91440300MA5X00000A' }).waitFor()
    await page.getByRole('button', { name: new RegExp(`^导入 ${n} 行`) }).click()
    await page.getByRole('heading', { name: new RegExp(`^已导入 ${n} 行`) }).waitFor()
  }
  for (const [login, role] of [['planner', '计划管理员'], ['supervisor', '审核人员'], ['drawer', '抽取管理员']]) {
    await account(admin, login, role, false)
  }
})

// P1, S1
test('a plan is drafted by one person, approved and locked by another', async () => {
  const planner = await signIn('planner')
  await planner.goto(`${office.url}/console/plans/new`)
  await planner.getByLabel('计划名称').fill('食品销售随机抽查（示例）')
  const field = (name) => planner.locator('.el-select').filter({ has: planner.getByRole('combobox', { name, exact: true }) })
  await field('牵头部门').click()
  await planner.getByRole('option', { name: '市场监督管理局（示例）' }).filter({ visible: true }).click()
  await field('抽查事项').click()
  await planner.getByRole('option', { name: /食品销售监督检查/ }).click()
  await planner.keyboard.press('Escape')
  await planner.getByRole('button', { name: '保存草稿' }).click()
  await surely(planner, '提交批准')
  await planner.getByText('本人编制的计划须由另一人批准').waitFor()
  plan = planner.url()
  const supervisor = await signIn('supervisor')
  await supervisor.goto(plan)
  await surely(supervisor, '批准')
  await surely(supervisor, '锁定')
  await supervisor.getByText('已锁定').first().waitFor()
})

// D1, D2, D3, D6
test('a draw goes from the lists to the tablets, and anybody can verify it', async () => {
  const page = await signIn('drawer')
  await page.goto(plan)
  await page.getByRole('button', { name: '发起抽取' }).click()
  await page.getByRole('dialog').getByRole('button', { name: '发起抽取' }).click()
  await page.getByRole('button', { name: '核对名单' }).click()
  await surely(page, '封存名单')
  const commitment = await page.locator('.commitment .hash').getAttribute('aria-label')
  assert.match(commitment, /^[0-9a-f]{64}$/)

  await page.getByLabel('见证人', { exact: true }).fill('市民丙')
  await page.getByRole('button', { name: '登记', exact: true }).click()
  await page.getByRole('button', { name: '纸面提交' }).click()
  await page.getByText('在本机计算').click()
  await page.locator('.helper input').fill('kapok-tree-88')
  await page.getByRole('button', { name: '登记指纹' }).click()
  await page.getByText('已交指纹').waitFor()
  await surely(page, '截止见证人名单')
  await page.getByPlaceholder('见证人说出的数值').fill('kapok-tree-89')
  await page.getByRole('button', { name: '揭晓', exact: true }).click()
  await page.getByRole('alert').getByText(/指纹不符/).waitFor()
  await page.getByPlaceholder('见证人说出的数值').fill('kapok-tree-88')
  await page.getByRole('button', { name: '揭晓', exact: true }).click()

  for (const [i, roll] of DICE.entries()) {
    await page.getByLabel(`第 ${i + 1} 次`, { exact: true }).fill(String(roll))
    await page.keyboard.press('Enter')
  }
  await page.locator('.el-message-box').getByRole('button', { name: '抽取', exact: true }).click()
  await page.getByRole('heading', { name: /抽取结果/ }).waitFor()

  const folder = await mkdtemp(join(tmpdir(), 'double-random-draw-'))
  const [download] = await Promise.all([page.waitForEvent('download'), page.getByRole('link', { name: '下载抽取档案' }).click()])
  const transcript = join(folder, 'transcript.zip')
  await download.saveAs(transcript)
  const { stdout } = await promisify(execFile)(VERIFY, [transcript])
  assert.ok(stdout.includes(commitment), stdout)
  await writeFile(transcript, 'no transcript')
  await assert.rejects(promisify(execFile)(VERIFY, [transcript]))
  await rm(folder, { recursive: true })

  // A visitor's telephone, without an account, computes it anew.
  const visitor = await (await browser.newContext({ viewport: { width: 390, height: 844 } })).newPage()
  await visitor.goto(`${office.url}/draws`)
  await visitor.locator('.list a').first().click()
  await visitor.getByRole('link', { name: '在浏览器里核对' }).click()
  await visitor.getByLabel('您在抽取现场看到的封存码').fill(commitment)
  await visitor.getByRole('button', { name: '开始核对' }).click()
  await visitor.getByRole('heading', { name: '核对通过' }).waitFor()
  await visitor.getByText('与本网站公布的封存码一致').waitFor()
  await visitor.getByText('与您在现场看到的封存码一致', { exact: true }).waitFor()
  await visitor.context().close()

  await surely(page, '派发任务')
  await page.getByRole('link', { name: '查看任务' }).click()
  await page.getByText('已派发').first().waitFor()
})
