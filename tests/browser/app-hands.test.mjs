// The tablet app by keyboard alone, and in English. Real agent and server.
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { axe, look, wear } from './app-eyes.mjs'
import { en, workScreens } from './app-screens.mjs'
import { at, openStage } from './stage.mjs'

let stage, visit, typist, reader

before(async () => {
  stage = await openStage()
  visit = stage.story.tasks[0]
  typist = await stage.enrol(stage.story.tablets[0])
  reader = await stage.enrol(stage.story.tablets[1])
})

after(() => stage?.close())

/** What has the focus: its words, whether one sees that it has it. */
const focus = () =>
  typist.evaluate(() => {
    const e = document.activeElement
    const box = [e, e.closest('.box, .search, label.add')].filter(Boolean)
    const seen = box.some((one) => getComputedStyle(one).outlineStyle !== 'none' && parseFloat(getComputedStyle(one).outlineWidth) >= 2)
    const { top, bottom } = e.getBoundingClientRect()
    const label = e.labels?.[0]?.innerText ?? ''
    return { words: e === document.body ? '' : `${e.getAttribute('aria-label') ?? ''} ${e.innerText ?? ''} ${label}`.trim(), at: e.closest('[data-at]')?.dataset.at ?? '', seen, inView: bottom > 0 && top < innerHeight }
  })

/** Tabs on until something with these words has the focus; it must be seen to have it. */
async function reach(words, most = 60) {
  for (let tabs = 0; tabs < most; tabs++) {
    const now = await focus()
    if (words.test(now.words) && typist.keys > 0) {
      assert.ok(now.seen, `the focus on "${now.words}" is not visible`)
      assert.ok(now.inView, `"${now.words}" has the focus out of sight`)
      return now
    }
    await typist.keyboard.press('Tab')
    typist.keys = (typist.keys ?? 0) + 1
  }
  assert.fail(`${words} is not reached with ${most} tabs; the focus is on ${JSON.stringify(await focus())}`)
}

const press = (...keys) => keys.reduce((done, key) => done.then(() => typist.keyboard.press(key)), Promise.resolve())

// T1
test('a visit by keyboard alone: Tab, arrows, Enter', async () => {
  const { name } = visit.team[0]
  await typist.locator('.choice').first().waitFor()
  await reach(new RegExp(name))
  await press('Enter')
  await typist.locator('.pad').waitFor()
  await press(...stage.story.pin)
  await reach(/解锁/)
  await press('Enter')
  await typist.getByRole('heading', { name: '检查任务' }).waitFor()
  await typist.locator('.row-card').first().waitFor()
  // The other tablet's visit is to begin by itself.
  stage.network('cut', 0)
  await reach(/跳过/)
  await press('Enter')
  await reach(new RegExp(visit.object.slice(0, 6)))
  await press('Enter')
  await typist.getByRole('button', { name: '开始检查', exact: true }).waitFor()
  await reach(/^开始检查/)
  await press('Enter')
  await typist.locator('dialog').waitFor()
  await press('Escape')
  await typist.locator('dialog').waitFor({ state: 'detached' })
  assert.match((await focus()).words, /开始检查/, 'a closed sheet gives the focus back')
  await press('Enter')
  await reach(/已出示/)
  await press('Enter')
  await typist.waitForURL(/record\/arrival/)
  await reach(/检查要点/)
  await press('Enter')
  await typist.waitForURL(/record\/points/)
  await typist.locator('article.point').first().waitFor()

  // One Tab leads into the answers of a point, arrows go along them, Enter answers.
  await reach(/^符合/)
  await press('ArrowRight')
  assert.match((await focus()).words, /不符合/)
  await press('Enter')
  const first = typist.locator('article.point').first()
  await first.locator('[aria-checked=true]', { hasText: '不符合' }).waitFor()
  await reach(/情况说明/)
  await typist.keyboard.type('没有标价签')
  await reach(/拍照/)
  await reach(/看依据/)
  await press('Space')
  await first.locator('.basis').waitFor()
  await reach(/下一个未填要点/)
  await press('Enter')
  // The focus goes where the work goes on.
  await typist.waitForFunction(() => /^point/.test(document.activeElement?.closest('[data-at]')?.dataset.at ?? ''))
  const next = await focus()
  assert.match(next.words, /^符合|数值|检查情况/)

  await at(typist, `/tasks/${visit.task}/record/result`)
  await typist.locator('#at-fee-none').waitFor()
  await reach(/没有向检查对象收取/)
  await press('Space')
  await typist.locator('#at-fee-none [aria-checked=true]').waitFor()
  await reach(/下一步：处理意见/)
  await press('Enter')
  await reach(/责令改正/)
  await press('Enter')
  await reach(/意见内容/)
  await typist.keyboard.type('责令当场改正。')
  await reach(/签名封存/)
  await press('Enter')
  await typist.locator('.verdict').waitFor()
  await reach(/看记录全文/)
  await press('Enter')
  await typist.locator('dialog article').waitFor()
  await press('Escape')
  await reach(/检查要点 2/)
  await press('Enter')
  await typist.waitForFunction(() => document.querySelector('.found')?.contains(document.activeElement))
})

// T1: English complete
test('every screen is in English but for what the record itself says', async () => {
  const data = new Set()
  const gather = (value, key) => {
    if (typeof value === 'string' && !['text', 'detail', 'message'].includes(key)) for (const run of value.match(/[\u4e00-\u9fff]+/g) ?? []) data.add(run)
    if (value && typeof value === 'object') for (const [k, v] of Object.entries(value)) gather(v, k)
  }
  reader.on('response', async (response) => {
    const path = new URL(response.url()).pathname
    if (path.startsWith('/api/') && !path.endsWith('/preview')) gather(await response.json().catch(() => null))
  })
  await reader.evaluate(() => localStorage.setItem('double-random-tablet', JSON.stringify({ locale: 'en' })))
  await reader.reload()
  const found = []
  const broken = []
  const look_at = async (screen) => {
    await reader.waitForTimeout(150)
    found.push(...(await look(reader, 'chinese', [...data].join(' '))).map((text) => `${screen}: ${text}`))
    broken.push(...(await axe(reader, {})).map((rule) => `${screen}: ${rule}`))
    for (const size of ['normal', 'largest']) {
      await reader.setViewportSize({ width: 600, height: 960 })
      await wear(reader, 'outdoor', size)
      broken.push(...(await look(reader, 'crowded')).map((row) => `${screen} ${size}: ${row}`))
    }
    await wear(reader, 'day', 'normal')
    await reader.setViewportSize({ width: 820, height: 1180 })
  }
  await reader.locator('.choice').first().waitFor()
  await look_at('unlock')
  await reader.getByRole('button', { name: new RegExp(visit.team[0].name) }).first().tap()
  for (const digit of '000000') await reader.getByRole('button', { name: digit, exact: true }).tap()
  await reader.getByRole('button', { name: 'Unlock' }).tap()
  await reader.getByText(/Wrong PIN/).waitFor()
  await look_at('a wrong PIN')
  for (const digit of stage.story.pin) await reader.getByRole('button', { name: digit, exact: true }).tap()
  await reader.getByRole('button', { name: 'Unlock' }).tap()
  await reader.locator('.row-card').first().waitFor()
  for await (const screen of workScreens(reader, visit, en)) await look_at(screen)
  assert.deepEqual(found, [])
  assert.deepEqual(broken, [])
})

test('no page threw an error', () => assert.deepEqual(stage.complaints, []))
