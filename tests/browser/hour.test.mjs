// Two inspectors, one visit, a network that comes and goes: 30 check points, 12 photos, one conflict, a
// return by the supervisor, a second round, publication. The cuts follow SEED; a failure names it.
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { surely } from './browser.mjs'
import { addPhoto, answer, at, begin, openStage, saved, settleForMine, untilOffered } from './stage.mjs'

const SEED = Number(process.env.SEED ?? 20261124)
const POINTS = 30
const PHOTOS = 12
const CONFLICT = 4
let stage, visit, one, two, storm, picture

/** Mulberry32: numbers in [0, 1) that follow from `seed`. */
function randomFrom(seed) {
  return () => {
    seed = (seed + 0x6d2b79f5) | 0
    let t = Math.imul(seed ^ (seed >>> 15), 1 | seed)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296
  }
}

/** From now on each tablet's network is there for 0.3 to 3 s and away for 0.2 to 2.5 s, until stopped. */
function beginStorm() {
  let cuts = 0
  const timers = [0, 1].map((n) => {
    const random = randomFrom(SEED + n)
    const next = (up) => {
      stage.network(up ? 'restore' : 'cut', n)
      if (!up) cuts += 1
      const ms = up ? 300 + random() * 2700 : 200 + random() * 2300
      timers[n] = setTimeout(next, ms, !up)
    }
    return setTimeout(next, 0, false)
  })
  return () => {
    for (const timer of timers) clearTimeout(timer)
    stage.network('restore')
    return cuts
  }
}

before(async () => {
  stage = await openStage({ long: true })
  visit = stage.story.tasks[0]
  one = await stage.enrol(stage.story.tablets[0])
  two = await stage.enrol(stage.story.tablets[1])
  await stage.unlock(one, visit.team[0].name)
  await stage.unlock(two, visit.team[1].name)
  for (const page of [one, two]) await page.getByText(visit.object).first().waitFor()
  picture = await stage.watch(await stage.browser.newPage({ viewport: { width: 640, height: 480 } }))
})

after(async () => {
  storm?.()
  await stage?.close()
})

/** A picture that no other is like. */
async function shelf(n) {
  await picture.setContent(`<body style="background:hsl(${n * 30} 60% 55%);font:120px sans-serif">货架 ${n}`)
  return picture.screenshot({ type: 'jpeg', quality: 80 })
}

const points = (record) => record.sheets.flatMap((sheet) => sheet.points)
const screen = (step) => `/tasks/${visit.task}/record/${step}`

/** One inspector's share of the check points; the first of them with photos. */
async function work(page, mine) {
  await at(page, screen('points'))
  const cards = page.locator('article.point')
  await cards.first().waitFor()
  assert.equal(await cards.count(), POINTS)
  for (let n = 0; n < POINTS; n++) {
    if (!mine(n)) continue
    await answer(cards.nth(n), '符合')
  }
  const own = [...Array(POINTS).keys()].filter(mine).slice(0, PHOTOS / 2)
  for (const n of own) await addPhoto(page, cards.nth(n), await shelf(n + 1))
  await saved(page)
}

// F1, F2, F3, F5, F7
test(`both record at the same time while the network comes and goes (seed ${SEED})`, async () => {
  storm = beginStorm()
  await at(one, `/tasks/${visit.task}`)
  await begin(one)
  // What the two answer differently must be written before either hears of the other.
  for (const [page, verdict] of [[one, '符合'], [two, '不符合']]) {
    await at(page, screen('points'))
    await page.locator('article.point').nth(CONFLICT).waitFor()
  }
  stage.network('cut')
  await Promise.all([
    answer(one.locator('article.point').nth(CONFLICT), '符合'),
    answer(two.locator('article.point').nth(CONFLICT), '不符合'),
  ])
  await Promise.all([work(one, (n) => n % 2 === 0 && n !== CONFLICT), work(two, (n) => n % 2 === 1)])
  await two.reload()
  await two.locator('article.point').nth(1).locator('.shot').first().waitFor()
})

test('what they answered differently is settled by one of them', async () => {
  await at(one, screen('points'))
  const { mine, theirs } = await settleForMine(one.locator('article.point').nth(CONFLICT))
  assert.match(mine, /(^|\s)符合/)
  assert.match(theirs.join(), /不符合/)
  assert.ok(theirs.join().includes(visit.team[1].name), 'the other answer has a name')
})

async function conclude() {
  await at(one, screen('result'))
  await one.getByRole('checkbox').first().waitFor()
  await one.getByRole('checkbox').first().tap()
  for (const box of await one.getByRole('checkbox', { name: /未发现问题/ }).all()) await box.tap()
  await saved(one)
  await at(one, screen('opinion'))
  await one.getByLabel('意见内容').first().fill('未发现问题，建议保持。')
  await one.getByRole('button', { name: '无异议' }).tap()
  await one.getByLabel('在场代表姓名').fill('示例负责人')
  await one.getByRole('button', { name: '店长' }).tap()
  await one.getByRole('button', { name: '现在结束' }).tap()
  await saved(one)
}

/** The second tablet's work is complete, and the first has all of it. */
async function handOver() {
  await at(two, `/tasks/${visit.task}/ready`)
  await two.getByRole('button', { name: /我已完成/ }).first().tap()
  await saved(two)
  await at(one, `/tasks/${visit.task}/ready`)
  const offered = one.getByRole('button', { name: /开始签名/ })
  await offered.and(one.locator(':enabled')).waitFor({ timeout: 150_000 }).catch(async (cause) => {
    throw new Error(`signing is not offered: ${await one.locator('main').innerText()}`, { cause })
  })
}

// F4
test('all sign on one tablet, and the record is sealed', async () => {
  await conclude()
  await handOver()
  await stage.sign(one, visit.task, 2)
})

/** The record as the supervisor's page gets it. */
const record = (page) => page.evaluate((task) => fetch(`/api/review/${task}`).then((r) => r.json()), visit.task)

// V1, V2
test('the supervisor sees all of it and returns it', async () => {
  const page = await stage.console('supervisor')
  await page.goto(`${stage.story.server}/console/review/${visit.task}`)
  const back = page.getByRole('button', { name: '退回', exact: true })
  await untilOffered(page, back)
  let shown = await record(page)
  for (let tries = 0; tries < 240 && shown.photos.filter((p) => p.stored === 'original').length < PHOTOS; tries++) {
    await page.waitForTimeout(1_000)
    shown = await record(page)
  }
  assert.equal(shown.photos.filter((p) => p.stored === 'original').length, PHOTOS)
  assert.equal(points(shown).filter((p) => p.answers.length === 1).length, POINTS)
  assert.equal(points(shown)[CONFLICT].settled.by, visit.team[0].name, 'who settled the conflict')
  const signed = shown.signatures.filter((s) => s.role === 'inspector' && s.state === 'valid')
  assert.equal(signed.length, 2)
  const authors = new Set(shown.history.map((step) => step.person_name))
  for (const { name } of visit.team) assert.ok(authors.has(name), [...authors].join())
  await back.first().click()
  await page.getByLabel('审核意见', { exact: true }).nth(CONFLICT).fill('请写明现场温度的测量时间。')
  await page.getByRole('button', { name: /退回（1/ }).click()
  await page.getByText('已退回').first().waitFor()
})

test('the team mends it and signs a second round', async () => {
  await at(one, `/tasks/${visit.task}`)
  await one.getByText('请写明现场温度的测量时间。').first().waitFor({ timeout: 150_000 })
  await at(one, screen('opinion'))
  await one.getByLabel('意见内容').first().fill('未发现问题。温度于上午十时测量。')
  await saved(one)
  await at(two, `/tasks/${visit.task}`)
  await two.getByText('请写明现场温度的测量时间。').first().waitFor({ timeout: 150_000 })
  await handOver()
  await stage.sign(one, visit.task, 2)
  assert.ok(storm() >= 20, 'the network was cut often')
})

test('it is accepted, published, and read by a citizen', async () => {
  const supervisor = await stage.console('supervisor')
  await supervisor.goto(`${stage.story.server}/console/review/${visit.task}`)
  await untilOffered(supervisor, supervisor.getByRole('button', { name: '通过', exact: true }))
  const shown = await record(supervisor)
  assert.equal(shown.round, 2)
  assert.equal(shown.photos.length, PHOTOS)
  assert.match(shown.handling.opinion, /上午十时/)
  await surely(supervisor, '通过')
  await supervisor.getByText('已通过').first().waitFor()
  const publisher = await stage.console('publisher')
  await publisher.goto(`${stage.story.server}/console/publication`)
  await publisher.getByText(visit.object).first().click()
  await surely(publisher, '公示')
  await publisher.getByText(/公示期内|公示中|已公示/).first().waitFor()
  const citizen = await stage.citizen(visit.object)
  await citizen.getByText('未发现问题').first().waitFor()
})

test('no page threw an error or broke the content security policy', () => {
  assert.deepEqual(stage.complaints, [])
})
