// One inspection in the real user interfaces, from the enrolment of two tablets to the public page.
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { surely } from './browser.mjs'
import { addPhoto, answer, at, begin, openStage, saved, settleForMine, untilOffered } from './stage.mjs'

let stage, visit
/** The two tablets' pages. */
const tablets = []

before(async () => {
  stage = await openStage()
  visit = stage.story.tasks[0]
})

after(() => stage?.close())

// S2: enrolment by a one-time code
test('two tablets are enrolled with their inspectors', async () => {
  for (const tablet of stage.story.tablets) tablets.push(await stage.enrol(tablet))
})

// F1
test('each inspector unlocks and finds the drawn task', async () => {
  for (const [n, page] of tablets.entries()) {
    await stage.unlock(page, visit.team[n].name)
    await page.getByText(visit.object).first().waitFor()
  }
})

// F2, F3, F5
test('both work without network, and their different answers are settled by a person', async () => {
  const [one, two] = tablets
  stage.network('cut')
  const path = `/tasks/${visit.task}`
  await at(one, path)
  await begin(one)

  await at(one, `${path}/record/points`)
  const cards = one.locator('article.point')
  await cards.first().waitFor()
  const count = await cards.count()
  assert.ok(count >= 8, `${count} check points`)
  for (let n = 0; n < count; n++) await answer(cards.nth(n), '符合')
  await addPhoto(one, cards.first(), await one.screenshot({ type: 'jpeg', quality: 70 }))

  // The colleague answers the second point otherwise; neither tablet knows of the other's work.
  await at(two, `${path}/record/points`)
  const other = two.locator('article.point').nth(1)
  await other.waitFor()
  await answer(other, '不符合')
  await saved(two)
  stage.network('restore')

  await at(one, `${path}/record/points`)
  const { mine, theirs } = await settleForMine(cards.nth(1))
  assert.match(mine, /(^|\s)符合/)
  assert.equal(theirs.length, 1, 'both answers are shown')
  assert.match(theirs[0], /不符合/)
  await saved(one)

  await at(one, `${path}/record/result`)
  await one.getByRole('checkbox').first().tap()
  await one.getByRole('checkbox', { name: /未发现问题/ }).first().tap()
  await saved(one)
  await at(one, `${path}/record/opinion`)
  await one.getByLabel('意见内容').first().fill('未发现问题，建议保持。')
  await one.getByRole('button', { name: '无异议' }).tap()
  await one.getByLabel('在场代表姓名').fill('示例负责人')
  await one.getByRole('button', { name: '店长' }).tap()
  await one.getByRole('button', { name: '现在结束' }).tap()
  await saved(one)
})

// F4
test('the party and both inspectors sign on one tablet, and the record is sealed', () => stage.sign(tablets[0], visit.task, 2))

// V1, V2, U1
test('a supervisor accepts the record and a publisher publishes it', async () => {
  const supervisor = await stage.console('supervisor')
  await supervisor.goto(`${stage.story.server}/console/review/${visit.task}`)
  await untilOffered(supervisor, supervisor.getByRole('button', { name: '通过', exact: true }))
  await surely(supervisor, '通过')
  await supervisor.getByText('已通过').first().waitFor()
  // On a telephone the record is one page that scrolls as a whole, with the way back to the queue.
  await supervisor.setViewportSize({ width: 390, height: 844 })
  const boxes = await supervisor.evaluate(() => {
    const scrolls = (one) => one.scrollHeight > one.clientHeight + 8 && /auto|scroll/.test(getComputedStyle(one).overflowY)
    const all = [...document.querySelectorAll('main, main *')].filter(scrolls)
    return { nested: all.filter((one) => all.some((other) => other !== one && other.contains(one))).length, wide: document.documentElement.scrollWidth }
  })
  assert.deepEqual(boxes, { nested: 0, wide: 390 })
  await supervisor.getByRole('link', { name: '待审核的记录' }).click()
  await supervisor.getByPlaceholder('对象名称或任务编号').waitFor()

  const publisher = await stage.console('publisher')
  await publisher.goto(`${stage.story.server}/console/publication`)
  await publisher.getByText(visit.object).first().click()
  await surely(publisher, '公示')
  await publisher.getByText(/公示期内|公示中|已公示/).first().waitFor()
})

// U5: the public page needs no JavaScript
test('a citizen without JavaScript finds the result', async () => {
  const page = await stage.citizen(visit.object)
  await page.getByText('未发现问题').first().waitFor()
  const text = await page.locator('body').innerText()
  assert.doesNotMatch(text, /风险等级|risk/i)
})

test('no page threw an error or broke the content security policy', () => {
  assert.deepEqual(stage.complaints, [])
})
