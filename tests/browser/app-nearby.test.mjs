// F6: two tablets of one team without the office: records and shown pictures go from one to the other, an
// original when somebody asks for it. Real agents, each with its page; the network to the office is cut.
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { inLargest } from './app-eyes.mjs'
import { addPhoto, at, begin, meet, openStage, saved } from './stage.mjs'

let stage, visit, path, first, second

before(async () => {
  stage = await openStage()
  visit = stage.story.tasks[0]
  path = `/tasks/${visit.task}`
  const pages = []
  for (const [n, tablet] of stage.story.tablets.entries()) {
    const page = await stage.enrol(tablet)
    await stage.unlock(page, visit.team[n].name)
    await page.locator('.guide').getByRole('button', { name: '跳过' }).tap()
    await page.getByText(visit.object).first().waitFor()
    pages.push(page)
  }
  ;[first, second] = pages
  await meet(pages, visit.team)
  stage.network('cut')
})

after(() => stage?.close())

const card = (page) => page.getByRole('region', { name: '附近的平板' })

/** Switches it on or off; ends when it is. */
async function turn(page, on) {
  await card(page).getByRole('switch').tap()
  await card(page).locator('.own').waitFor({ state: on ? 'visible' : 'detached' })
}

async function open(page) {
  await at(page, '/sync')
  await turn(page, true)
  return card(page).locator('.own').innerText()
}

test('each tablet shows its address, and a QR code of it with its key', async () => {
  await open(first)
  await card(first).getByText('还没有发现同组的平板').waitFor()
  await card(first).getByRole('button', { name: '显示本机二维码' }).tap()
  const code = card(first).getByRole('img', { name: /本机二维码/ })
  await code.waitFor()
  const box = await code.boundingBox()
  assert.ok(box.width >= 200 && Math.abs(box.width - box.height) < 2, JSON.stringify(box))
  assert.deepEqual(await inLargest(first, 'nearby, QR code'), [])
})

test('a photo comes from the other tablet as it is shown, its original when it is asked for', async () => {
  await at(first, path)
  await begin(first)
  await at(first, `${path}/record/points`)
  await addPhoto(first, first.locator('article.point').first(), await first.screenshot({ type: 'jpeg', quality: 90 }))
  await saved(first)
  await at(first, '/sync')
  const address = await card(first).locator('.own').innerText()

  await open(second)
  // What is typed while the tablet still answers to the address before stays.
  await second.route('**/api/nearby/tablets', (route) => new Promise((done) => setTimeout(done, 1_000)).then(() => route.continue()), { times: 1 })
  await card(second).getByLabel('对方地址').fill('127.0.0.1:1')
  const answered = second.waitForResponse('**/api/nearby/tablets')
  await card(second).getByRole('button', { name: '连接' }).tap()
  await card(second).getByLabel('对方地址').fill(address)
  await answered
  await saved(second)
  assert.equal(await card(second).getByLabel('对方地址').inputValue(), address)
  await card(second).getByRole('button', { name: '连接' }).tap()
  await card(second).getByText(/已取得对方全部记录/).waitFor()
  assert.deepEqual(await inLargest(second, 'nearby, a tablet'), [])

  await at(second, `${path}/record/points`)
  await second.locator('article.point .shot').first().tap()
  await second.getByRole('button', { name: /从同组平板取原图/ }).waitFor()
  assert.deepEqual(await inLargest(second, 'photo, original to wish for'), [])
  // Out of reach at first: the wish says why it waits.
  await turn(first, false)
  await second.getByRole('button', { name: /从同组平板取原图/ }).tap()
  await second.getByText('附近没有同组的平板。').waitFor()
  assert.deepEqual(await inLargest(second, 'photo, original waited for'), [])
  await second.getByRole('button', { name: '关闭' }).tap()
  await at(second, '/sync')
  await turn(second, false)
  await at(second, `${path}/record/points`)
  await second.locator('article.point .shot').first().tap()
  await second.getByText('“附近的平板”已关闭，打开后会自动取。').waitFor()
  // Not waited for any more, and not to be waited for while this is off.
  await second.getByRole('button', { name: '不取原图了' }).tap()
  await second.getByRole('button', { name: /从同组平板取原图/ }).tap()
  await second.getByRole('alert').getByText('打开“附近的平板”').waitFor()
  await second.getByRole('button', { name: '关闭' }).tap()
  await at(second, '/sync')
  await turn(second, true)
  await at(second, `${path}/record/points`)
  await second.locator('article.point .shot').first().tap()
  await second.getByRole('button', { name: /从同组平板取原图/ }).tap()
  await second.getByRole('button', { name: '不取原图了' }).waitFor()
  await second.getByRole('button', { name: '关闭' }).tap()
  await turn(first, true)
  const again = await card(first).locator('.own').innerText()
  await at(second, '/sync')
  await card(second).getByLabel('对方地址').fill(again)
  await card(second).getByRole('button', { name: '连接' }).tap()
  await at(second, `${path}/record/points`)
  await second.locator('article.point .shot').first().tap()
  await second.getByRole('button', { name: '看原图' }).waitFor()
  await second.getByRole('button', { name: '看原图' }).tap()
  await second.getByRole('button', { name: '看显示图' }).waitFor()
  assert.deepEqual(await inLargest(second, 'photo, original'), [])
  await second.getByRole('button', { name: '关闭' }).tap()
})

// Only a tablet that lies hands such things over, and none of ours does: the agent's answer is made up here.
// That agents keep them out is tested with such tablets (tests/tests/hostile_tablets.rs).
test('what was kept out is listed with what to do', async () => {
  const { team, object } = visit
  const kept = (code, person, count) => ({ task: visit.task, number: '福市监抽查〔2026〕1号-0003', object, person, code, text: '签名与所称的作者不符，可能有人冒名；请与作者当面核实。', count, at: Date.now() })
  await second.route('**/api/nearby', async (route) => {
    const answer = await route.fetch()
    const body = { ...(await answer.json()), kept_out: [kept('bad_signature', team[0].name, 3), kept('not_on_team', '', 1)] }
    await route.fulfill({ response: answer, json: body })
  })
  await at(second, '/sync')
  await card(second).getByText('没有收入的内容').waitFor()
  assert.deepEqual(await inLargest(second, 'nearby, kept out'), [])
  await second.unrouteAll({ behavior: 'wait' })
})

test('no page threw an error', () => assert.deepEqual(stage.complaints, []))
