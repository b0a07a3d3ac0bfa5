// A whole ceremony in real browsers: the officer at the console, two witnesses on their telephones, the
// big screen following live; then one that rests on a drand round from a file, and void draws.
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { promisify } from 'node:util'
import { openBrowser, surely } from './browser.mjs'
import { PASSWORD, prepare, rehearse } from './rehearsal.mjs'

const VERIFY = process.env.VERIFY_DRAW ?? new URL('../../target/debug/verify-draw', import.meta.url).pathname
const PICTURES = process.env.PICTURES
const SIGNATURE = 'b75c69d0b72a5d906e854e808ba7e2accb1542ac355ae486d591aa9d43765482e26cd02df835d3546d23c4b13e0dfc92'
/** When round 123 of drand quicknet came into being: 2023-08-23 in China. */
const ROUND_AT = 1_692_803_733_000
const DICE = [3, 6, 1, 4, 4, 2, 6, 5, 1, 3, 2, 2, 6, 4, 5, 1, 3, 3, 6, 2, 5, 4, 1, 6, 2]
const complaints = []
let office, people, browser, folder, axe
const drawn = {}

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'double-random-ceremony-'))
  axe = await readFile(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')
  office = await rehearse(ROUND_AT - 3_600_000)
  people = await prepare(office, 2023)
  browser = await openBrowser()
})

after(async () => {
  await browser?.close()
  await office?.stop()
  if (folder) await rm(folder, { recursive: true, force: true })
})

async function open(options) {
  const page = await (await browser.newContext({ locale: 'zh-CN', ...options })).newPage()
  page.on('pageerror', (error) => complaints.push(String(error)))
  page.on('console', (line) => /Content Security Policy|\[intlify\]/.test(line.text()) && complaints.push(line.text()))
  return page
}
const phone = () => open({ viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true })

async function signIn(login) {
  const page = await open({ viewport: { width: 1440, height: 900 } })
  await page.goto(`${office.url}/console/sign-in`)
  await page.locator('input[name=login]').fill(login)
  await page.locator('input[name=password]').fill(PASSWORD)
  await page.keyboard.press('Enter')
  await page.waitForURL((url) => !url.pathname.endsWith('/sign-in'))
  return page
}

const picture = async (page, name) => PICTURES && (await page.screenshot({ path: join(PICTURES, `${name}.png`) }))

/** Accessibility of a page as it stands; axe comes in by the debugger, past the page's own policy. */
async function accessible(page, name) {
  const session = await page.context().newCDPSession(page)
  const run = `${axe}; axe.run(document, { resultTypes: ['violations'], rules: { 'meta-viewport': { enabled: true } } }).then((r) => JSON.stringify(r.violations.map((v) => v.id + ' ' + v.nodes[0].html)))`
  const { result } = await session.send('Runtime.evaluate', { expression: run, awaitPromise: true, returnByValue: true })
  assert.deepEqual(JSON.parse(result.value), [], name)
  await session.detach()
}

// D3: a hall may have no TLS, and with it no SHA-256 of the browser.
test('the SHA-256 on the telephone is everybody’s', async () => {
  const { sha256 } = await import('../../server/portal/witness/sha256.js')
  for (const text of ['', 'abc', '见证'.repeat(50), ...[55, 56, 63, 64, 119, 120].map((n) => 'x'.repeat(n))]) {
    assert.equal(sha256(text), createHash('sha256').update(text).digest('hex'), text)
  }
})

// D2, D3
test('two witnesses on their telephones, dice roll by roll, the hall follows', async () => {
  const officer = await signIn('drawer')
  await officer.goto(`${office.url}/console/plans/${people.plan}`)
  await officer.getByRole('button', { name: '发起抽取' }).click()
  await officer.getByRole('dialog').locator('.el-select').first().click()
  await officer.getByRole('option', { name: '6 面骰' }).click()
  await picture(officer, 'define')
  await officer.getByRole('dialog').getByRole('button', { name: '发起抽取' }).click()
  await officer.waitForURL(/\/draws\/[0-9a-f-]{36}/)
  drawn.first = officer.url().split('/').pop()

  // Entered before the commitment; each gets a link and a slip.
  for (const [name, capacity] of [['李代表', '人大代表、政协委员'], ['王书记', '纪检监察人员'], ['赵先生', '社会公众']]) {
    await officer.getByLabel('见证人', { exact: true }).fill(name)
    await officer.locator('label').filter({ hasText: '身份' }).locator('.el-select').click()
    await officer.getByRole('option', { name: capacity }).click()
    await officer.getByRole('button', { name: '登记', exact: true }).click()
    await officer.getByRole('cell', { name, exact: true }).waitFor()
  }
  const links = {}
  for (const name of ['李代表', '王书记']) {
    await officer.getByRole('row', { name }).getByRole('button', { name: '扫码提交' }).click()
    links[name] = await officer.locator('.slip img').getAttribute('alt')
    if (name === '李代表') await picture(officer, 'slip')
    await officer.keyboard.press('Escape')
    await officer.getByRole('dialog').waitFor({ state: 'hidden' })
  }
  assert.match(links['李代表'], new RegExp(`^${office.url}/w/[0-9A-Z]{12}$`))

  const li = await phone()
  await li.goto(links['李代表'])
  await li.getByText('名单还没有封存').waitFor()
  await officer.getByRole('button', { name: '核对名单' }).click()
  await surely(officer, '封存名单')
  const commitment = await officer.locator('.commitment .hash').getAttribute('aria-label')

  // A plain browser without account shows the hall.
  const hall = await open({ viewport: { width: 1920, height: 1080 } })
  await hall.goto(`${office.url}/draws/${drawn.first}/hall`)
  await hall.getByText('● 实时').waitFor()
  assert.equal(await hall.locator('.hash.large').getAttribute('aria-label'), commitment)
  await picture(hall, 'hall-1-commitment')
  await accessible(hall, 'hall')

  // The first hands in with the value that the telephone made; a reload changes nothing.
  await li.getByRole('heading', { name: '李代表，您好' }).waitFor()
  await li.getByRole('button', { name: '换一个' }).tap()
  const value = await li.locator('#value').inputValue()
  await picture(li, 'phone-1-value')
  await accessible(li, 'phone')
  await li.reload()
  assert.equal(await li.locator('#value').inputValue(), value)
  const sent = li.waitForRequest((r) => r.url().endsWith('/hand-in'))
  await li.getByRole('button', { name: '提交指纹' }).tap()
  const body = (await sent).postData()
  assert.ok(!body.includes(value), 'the value stays on the telephone')
  await li.getByText('✓ 指纹已提交').waitFor()
  await picture(li, 'phone-2-handed-in')
  await hall.getByText('● 已交指纹').waitFor()

  // The second has no telephone of the newest kind: a terminal of the hall, the code of the slip.
  const terminal = await open({ viewport: { width: 1280, height: 800 } })
  await terminal.goto(`${office.url}/w`)
  await terminal.getByLabel('见证码').fill('AAAA-BBBB-CCCC')
  await terminal.keyboard.press('Enter')
  await terminal.getByRole('alert').filter({ hasText: '没有这个见证码' }).waitFor()
  await terminal.getByRole('link', { name: '重新输入见证码' }).click()
  await terminal.getByLabel('见证码').fill(links['王书记'].slice(-12).toLowerCase())
  await terminal.keyboard.press('Enter')
  await terminal.locator('#value').fill('spring-2023')
  assert.ok(await terminal.getByRole('button', { name: '提交指纹' }).isDisabled())
  await terminal.getByText('我已经把数值抄在纸条上').click()
  await picture(terminal, 'terminal')
  await terminal.getByRole('button', { name: '提交指纹' }).click()
  await terminal.getByText('✓ 指纹已提交').waitFor()
  assert.equal(await terminal.evaluate(() => localStorage.length), 0)
  await hall.getByText('2 / 3').waitFor()
  await picture(hall, 'hall-2-witnesses')
  await officer.getByText('本人手机').waitFor()
  await picture(officer, 'console-witnesses')

  await officer.getByRole('button', { name: '截止见证人名单' }).click()
  await officer.locator('.el-message-box').getByText('赵先生').waitFor()
  await officer.locator('.el-message-box').getByRole('button', { name: '截止见证人名单' }).click()
  await li.getByText('✓ 本机核对过：名单共 2 人').waitFor()
  await picture(li, 'phone-3-reveal')
  // The telephone's browser was closed and opened again: the value is still there.
  const again = await li.context().newPage()
  await again.goto(links['李代表'])
  await again.getByText(value).waitFor()
  await again.getByRole('button', { name: '揭晓' }).tap()
  await again.getByText('✓ 您的数值已揭晓').waitFor()
  await hall.getByText('✓ 已揭晓').waitFor()
  await picture(hall, 'hall-3-reveal')
  // At the terminal nothing was kept; a wrong value is refused here, before it is sent.
  await terminal.reload()
  await terminal.locator('#value').fill('spring-2024')
  await terminal.getByRole('button', { name: '揭晓' }).click()
  await terminal.getByRole('alert').filter({ hasText: '不符' }).waitFor()
  await terminal.locator('#value').fill('spring-2023')
  await terminal.getByRole('button', { name: '揭晓' }).click()
  await terminal.getByText('✓ 您的数值已揭晓').waitFor()

  // Dice: each roll kept as it falls; reloads in the middle of it; a mistake corrected in the open.
  await officer.getByLabel('第 1 次', { exact: true }).waitFor()
  await hall.getByText('当众掷 6 面骰 25 次').waitFor()
  for (const [i, roll] of DICE.entries()) {
    if (i === 7) {
      await Promise.all([officer.reload(), hall.reload()])
      await hall.getByText('● 实时').waitFor()
    }
    await officer.getByLabel(`第 ${i + 1} 次`, { exact: true }).fill(String(i === 3 ? 5 : roll))
    await officer.keyboard.press('Enter')
    if (i === 3) {
      await officer.getByRole('button', { name: '更正第 4 次（现为 5）' }).click()
      await officer.getByRole('dialog').getByLabel('实际点数').fill(String(roll))
      await officer.getByRole('dialog').getByLabel('理由').fill('看错了点数')
      await officer.getByRole('dialog').getByRole('button', { name: '更正', exact: true }).click()
      await hall.locator('.die s').getByText('5').waitFor()
    }
    if (i === 11) {
      await hall.getByText('第 12 次').waitFor()
      await picture(hall, 'hall-4-dice')
      await picture(officer, 'console-dice')
    }
    if (i < DICE.length - 1) await officer.getByLabel(`第 ${i + 2} 次`, { exact: true }).waitFor()
  }
  await officer.locator('.el-message-box').getByRole('button', { name: '抽取', exact: true }).click()
  await officer.getByRole('heading', { name: /抽取结果/ }).waitFor()
  await hall.getByText('随机种子').waitFor()
  await picture(hall, 'hall-5-seed')
  await hall.getByText(/第 \d 户，共抽中 9 户/).waitFor()
  await hall.getByText('第 5 户，共抽中 9 户').waitFor()
  await picture(hall, 'hall-6-result')
  // A lost connection: the hall says so and goes on by itself.
  await hall.getByRole('img').waitFor()
  await picture(hall, 'hall-7-verify')
  await hall.keyboard.press('ArrowLeft')
  await hall.getByText('第 9 户，共抽中 9 户').waitFor()
  await hall.keyboard.press('End')
  await hall.getByRole('img').waitFor()
})

// D2
test('a stranger verifies it', async () => {
  const stranger = await open({ viewport: { width: 390, height: 844 } })
  await stranger.goto(`${office.url}/draws/${drawn.first}`)
  await stranger.getByText('误填 5').waitFor()
  const [download] = await Promise.all([stranger.waitForEvent('download'), stranger.getByRole('link', { name: /下载抽取文件/ }).click()])
  const transcript = join(folder, 'transcript.zip')
  await download.saveAs(transcript)
  await promisify(execFile)(VERIFY, [transcript])
  await accessible(stranger, 'public page')
  if (PICTURES) await stranger.screenshot({ path: join(PICTURES, 'public.png'), fullPage: true })
})

// D3
test('photos are attached, the minutes are printed', async () => {
  const officer = await signIn('drawer')
  await officer.goto(`${office.url}/console/draws/${drawn.first}`)
  await officer.getByLabel('地点').fill('一号会议室')
  await officer.getByLabel('主持人').fill('陈主任')
  await officer.getByRole('button', { name: '增加到场人员' }).click()
  await officer.getByLabel('姓名').fill('周科长')
  await officer.getByRole('button', { name: '保存', exact: true }).click()
  await officer.getByText('已保存').waitFor()
  await officer.getByLabel('说明（下一个附件）').fill('掷骰现场（示例）')
  await officer.locator('input[type=file][multiple]').setInputFiles({ name: '现场.jpg', mimeType: 'image/jpeg', buffer: Buffer.from('sample photo') })
  await officer.getByRole('link', { name: '现场.jpg' }).waitFor()
  await picture(officer, 'console-minutes')
  const stranger = await open()
  await stranger.goto(`${office.url}/draws/${drawn.first}?`)
  await officer.goto(`${office.url}/api/draws/${drawn.first}/minutes.html`)
  await officer.getByText('一号会议室').waitFor()
  await officer.getByText('更正第 4 次掷骰：误填 5，实为 4').waitFor()
  await officer.getByText('现场.jpg').waitFor()
  await accessible(officer, 'minutes')
  if (PICTURES) await officer.pdf({ path: join(PICTURES, 'minutes.pdf'), preferCSSPageSize: true })
  await officer.goto(`${office.url}/api/draws/${drawn.first}/slips.html`)
  await officer.getByText('赵先生').waitFor()
  await accessible(officer, 'slips')
  if (PICTURES) await officer.pdf({ path: join(PICTURES, 'slips.pdf'), preferCSSPageSize: true })
})

// D5, S1
test('after the seed it becomes void on a legal ground that a second person approves', async () => {
  const officer = await signIn('drawer')
  await officer.goto(`${office.url}/console/draws/${drawn.first}`)
  await officer.getByRole('button', { name: '作废', exact: true }).click()
  await officer.getByRole('radio', { name: '名单或规则有重大错误，足以影响公正' }).check({ force: true })
  await officer.getByLabel('具体事实').fill('名单漏掉了整个南山区的对象')
  await picture(officer, 'console-void')
  await officer.getByRole('button', { name: '提交作废申请' }).click()
  await officer.getByText('申请人本人不能审批').waitFor()
  const supervisor = await signIn('supervisor')
  await supervisor.goto(`${office.url}/console/draws/${drawn.first}`)
  await supervisor.getByRole('button', { name: '批准作废' }).click()
  await supervisor.getByText('批准人：审核员乙').waitFor()
})

// D2, D5
test('a draw that rests on a drand round: announced before, read from a file after', async () => {
  await office.set(ROUND_AT - 400_000)
  const { id } = await people.drawer.ask('POST', '/api/draws', {
    plan: people.plan,
    title: '食品销售随机抽查（示例）',
    ceremony_at: ROUND_AT - 300_000,
    drand_round: 123,
    public_from: 'draw',
  })
  const officer = await signIn('drawer')
  await officer.goto(`${office.url}/console/draws/${id}`)
  await officer.getByText('drand 第 123 轮').first().waitFor()
  await officer.getByRole('button', { name: '核对名单' }).click()
  await surely(officer, '封存名单')
  await officer.getByRole('button', { name: '截止见证人名单', exact: true }).waitFor()
  const hall = await open({ viewport: { width: 1920, height: 1080 } })
  await hall.goto(`${office.url}/draws/${id}/hall`)
  await hall.getByText('距离抽取开始').waitFor()
  await surely(officer, '截止见证人名单')
  await officer.getByRole('heading', { name: '公共随机信标 drand 第 123 轮' }).waitFor()
  await hall.getByText('第 123 轮').waitFor()
  await picture(hall, 'hall-drand')
  assert.equal(await officer.getByText('从文件读取').count(), 0)
  await office.set(ROUND_AT + 60_000)
  await officer.reload()
  const give = async (text) => {
    const file = join(folder, 'round.json')
    await writeFile(file, text)
    await officer.locator('input[type=file][accept*=json]').setInputFiles(file)
  }
  await officer.getByText('从文件读取').waitFor()
  await give(JSON.stringify({ round: 123, signature: SIGNATURE.replace('b75c', 'b75d') }))
  await officer.getByRole('alert').getByText('不是 drand 第 123 轮的签名').waitFor()
  await picture(officer, 'console-drand')
  await give(JSON.stringify({ round: 123, randomness: '', signature: SIGNATURE }))
  await officer.getByRole('heading', { name: /抽取结果/ }).waitFor()
  await hall.getByText('随机种子').waitFor()
  // The void draw before it stands beside it, with its seed.
  const stranger = await open({ viewport: { width: 1280, height: 900 } })
  await stranger.goto(`${office.url}/draws/${id}`)
  await stranger.getByText('名单漏掉了整个南山区的对象').waitFor()
  await stranger.getByText('算出的结果照样公开').waitFor()
  if (PICTURES) await stranger.screenshot({ path: join(PICTURES, 'public-beside.png'), fullPage: true })
  await accessible(stranger, 'public page beside')
})

test('a lost connection is told and comes back', async () => {
  const hall = await open({ viewport: { width: 1920, height: 1080 } })
  await hall.route('**/events', (route) => route.abort())
  await hall.goto(`${office.url}/draws/${drawn.first}/hall`)
  await hall.getByText('◐ 定时刷新').waitFor()
  await hall.getByText('这次抽取已经作废').waitFor()
  await picture(hall, 'hall-void')
})

// T1
test('no page broke the content security policy', () => assert.deepEqual(complaints, []))
