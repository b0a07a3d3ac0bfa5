import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { after, before, test } from 'node:test'
import { openBrowser } from './browser.mjs'
import { startOffice } from './office.mjs'

const OWN_PASSWORD = 'Lake-2026-spring'
let office, browser, page
const complaints = []

before(async () => {
  office = await startOffice()
  browser = await openBrowser()
  page = await browser.newPage({ viewport: { width: 1440, height: 900 } })
  page.on('pageerror', (error) => complaints.push(String(error)))
  page.on('console', (line) => /Content Security Policy/.test(line.text()) && complaints.push(line.text()))
})

after(async () => {
  await browser?.close()
  await office?.stop()
})

// S2, T1: by keyboard alone
test('the first administrator signs in and must choose a password', async () => {
  await page.goto(`${office.url}/console/journal`)
  await page.getByLabel('用户名').waitFor()
  await page.keyboard.type(office.login)
  await page.keyboard.press('Tab')
  await page.keyboard.type('not the password')
  await page.keyboard.press('Enter')
  await page.getByRole('alert').getByText('登录名或密码不正确').waitFor()

  await page.locator('input[name=password]').fill(office.password)
  await page.keyboard.press('Enter')
  await page.getByRole('heading', { name: '修改密码' }).waitFor()
  await page.locator('input[name=new]').fill(OWN_PASSWORD)
  await page.locator('input[name=again]').fill(OWN_PASSWORD)
  await page.keyboard.press('Enter')
  await page.getByRole('heading', { name: '日志' }).waitFor()
})

// K2
test('the journal shows what was done and that it is whole', async () => {
  await page.getByText(/日志完整/).waitFor()
  await page.getByRole('cell', { name: '修改密码' }).waitFor()
})

// S1
test('places that an administrator has no right to are not offered', async () => {
  const places = await page.getByRole('navigation', { name: '主导航' }).getByRole('link').allInnerTexts()
  assert.ok(places.includes('账号与平板'))
  assert.ok(!places.includes('审核'))
})

// S1
test('a new account comes with a password that is shown once', async () => {
  await page.goto(`${office.url}/console/accounts`)
  await page.getByRole('button', { name: '新增账号' }).click()
  await page.getByLabel('用户名', { exact: true }).fill('chen.xm')
  await page.getByLabel('姓名', { exact: true }).fill('陈晓明')
  await page.getByRole('button', { name: '保存' }).click()
  await page.getByText('一次性密码', { exact: true }).waitFor()
  await page.getByRole('button', { name: '已交付' }).click()
  await page.getByRole('cell', { name: 'chen.xm' }).waitFor()
})

// T1
test('no page breaks the rules of accessibility or of the content security policy', async () => {
  const axe = await readFile(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')
  const context = await browser.newContext({ bypassCSP: true, storageState: await page.context().storageState() })
  const checked = await context.newPage()
  for (const path of ['/', '/accounts', '/accounts?tab=tablets', '/journal', '/tasks', '/quarantine']) {
    await checked.goto(`${office.url}/console${path}`)
    await checked.waitForLoadState('networkidle')
    await checked.evaluate(axe)
    const found = await checked.evaluate(() => window.axe.run(document, { resultTypes: ['violations'] }))
    assert.deepEqual(found.violations.map((v) => `${path} ${v.id} ${v.nodes[0].html}`), [])
  }
  assert.deepEqual(complaints, [])
})
