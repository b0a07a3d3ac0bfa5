// The portal's page that verifies a draw in the visitor's browser.
import assert from 'node:assert/strict'
import { readFileSync, readdirSync } from 'node:fs'
import { createRequire } from 'node:module'
import { after, before, test } from 'node:test'
import { openBrowser } from './browser.mjs'
import { startOffice } from './office.mjs'

const VECTORS = new URL('../../server/draw/vectors/', import.meta.url).pathname
const table = JSON.parse(readFileSync(`${VECTORS}tampered.json`, 'utf8'))
let office, browser
const complaints = []

before(async () => {
  office = await startOffice()
  browser = await openBrowser()
})

after(async () => {
  await browser?.close()
  await office?.stop()
})

/** A golden transcript as files to choose, with changes of the table of manipulations. */
function transcript(name, changes = []) {
  const files = new Map(readdirSync(VECTORS + name).map((file) => [file, readFileSync(`${VECTORS}${name}/${file}`)]))
  for (const { file, at, insert, delete: n } of changes) {
    const before = files.get(file)
    files.set(file, Buffer.concat([before.subarray(0, at), Buffer.from(insert), before.subarray(at + n)]))
  }
  return [...files].map(([file, buffer]) => ({ name: file, mimeType: 'text/plain', buffer }))
}

async function open(path = '/verify', options = {}) {
  const page = await (await browser.newContext({ viewport: { width: 390, height: 844 }, ...options })).newPage()
  page.on('pageerror', (error) => complaints.push(String(error)))
  page.on('console', (line) => /Content Security Policy/.test(line.text()) && complaints.push(line.text()))
  await page.goto(office.url + path)
  return page
}

const choose = (page, files) => page.locator('input[type=file]').setInputFiles(files)

// D2
test('a golden transcript verifies, step by step, and its commitment is compared with a photograph', async () => {
  const page = await open()
  await choose(page, transcript('reserves-substitutions'))
  await page.getByRole('heading', { name: '核对通过' }).waitFor()
  assert.equal(await page.locator('.ticks .good').count(), 13)
  await page.getByText('10 条，每一条都是顺序里的下一个').waitFor()

  const photographed = page.getByLabel('您在抽取现场看到的封存码')
  const commitment = readFileSync(`${VECTORS}reserves-substitutions/seed.txt`, 'utf8').slice(11, 75)
  await photographed.fill(commitment.slice(0, 20).toUpperCase().replace(/(.{8})/g, '$1 '))
  await page.getByText('与您在现场看到的封存码一致', { exact: true }).waitFor()
  await photographed.fill('0123456789abcdef')
  await page.getByText('与您在现场看到的封存码不一致').waitFor()

  await page.getByRole('button', { name: 'English' }).click()
  await page.getByRole('heading', { name: 'Verified' }).waitFor()
  await page.getByText('not what you saw at the ceremony').waitFor()
})

// D2: the same first reason as the other verifiers, in the browser too.
for (const name of ['a_swapped_reserve', 'crlf', 'a_reveal_that_does_not_match', 'a_free_choice', 'a_wrong_drand_signature', 'another_week']) {
  test(`${name} is refused with its first reason`, async () => {
    const { base, changes, refused } = table.find((t) => t.name === name)
    const page = await open()
    await choose(page, transcript(base, changes))
    await page.getByRole('heading', { name: '核对没有通过' }).waitFor()
    assert.equal(await page.locator('#reason').innerText(), `${refused.file} ${refused.line} ${refused.code}`)
    assert.equal(await page.locator('.ticks .bad').count(), 1)
    if (refused.line > 0) await page.getByText(`${refused.file} 第 ${refused.line} 行`).waitFor()
  })
}

test('what is no archive is refused in words, and another file can follow', async () => {
  const page = await open()
  await choose(page, { name: 'draw.zip', mimeType: 'application/zip', buffer: Buffer.from('no archive at all') })
  await page.getByText('压缩包不合要求').first().waitFor()
  await choose(page, transcript('void-before-seed'))
  await page.getByRole('heading', { name: '核对通过' }).waitFor()
  await page.getByText('这次抽取已作废，理由：名录有误，依法重新组织').waitFor()
})

// X1
test('whoever has id and salt finds whether they were drawn and who comes', async () => {
  const page = await open()
  await choose(page, transcript('withheld-server-openings'))
  await page.getByRole('heading', { name: '查自己' }).waitFor()
  const result = readFileSync(`${VECTORS}withheld-server-openings/result.csv`, 'utf8').split('\n')
  const openings = readFileSync(`${VECTORS}withheld-server-openings/openings.csv`, 'utf8').split('\n')
  const { createHash } = await import('node:crypto')
  const drawn = openings.slice(1).map((line) => line.split(',')).find(([kind, id, salt]) => kind === 'object' &&
    result[1].includes(createHash('sha256').update(`${salt}\n${id}`).digest('hex')))
  await page.getByLabel('编号', { exact: true }).fill(drawn[1])
  await page.getByLabel('随机码（64 位）').fill(drawn[2])
  await page.getByRole('button', { name: '查', exact: true }).click()
  await page.getByText('抽中了，顺序第 1').waitFor()
  const who = (await page.locator('.ids li').allInnerTexts()).map((text) => text.replace(/\s/g, ''))
  assert.deepEqual(who, result[1].split(',')[6].split(' '))
  await page.getByLabel('随机码（64 位）').fill('0'.repeat(64))
  await page.getByRole('button', { name: '查', exact: true }).click()
  await page.getByText('这次抽取的名录里没有').waitFor()
})

test('without JavaScript the page explains the other two ways', async () => {
  const page = await open('/verify', { javaScriptEnabled: false })
  await page.getByText('在浏览器里核对需要 JavaScript').waitFor()
  await page.getByText('verify-draw transcript.zip').waitFor()
  await page.getByRole('link', { name: '手工核对说明' }).click()
  assert.match(await page.locator('body').innerText(), /手工核对一次抽取/)
})

// T1
test('the page breaks no rule of accessibility or of the content security policy, and fits a phone', async () => {
  const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')
  for (const name of ['joint', 'a_swapped_reserve']) {
    const page = await open('/verify', { bypassCSP: true })
    const { base, changes } = table.find((t) => t.name === name) ?? { base: name }
    await choose(page, transcript(base, changes))
    await page.locator('#verdict h2').waitFor()
    await page.evaluate(axe)
    const found = await page.evaluate(() => window.axe.run(document, { resultTypes: ['violations'] }))
    assert.deepEqual(found.violations.map((v) => `${v.id} ${v.nodes[0].html}`), [])
    assert.equal(await page.evaluate(() => document.documentElement.scrollWidth), 390)
  }
  assert.deepEqual(complaints, [])
})
