// Nothing of what somebody typed, drew or chose is lost on the tablet, and one comes back to where one
// was. Real agent and server.
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { inLargest } from './app-eyes.mjs'
import { complete } from './app-screens.mjs'
import { answer, at, begin, holds, openStage, saved, writeInk } from './stage.mjs'

let stage, visit, page, path

before(async () => {
  stage = await openStage({ long: true })
  visit = stage.story.tasks[0]
  path = `/tasks/${visit.task}`
  page = await stage.enrol(stage.story.tablets[0])
  await stage.unlock(page, visit.team[0].name)
  await page.locator('.guide').getByRole('button', { name: '跳过' }).tap()
  await at(page, path)
  await begin(page)
})

after(async () => {
  await stage?.close()
  assert.deepEqual(stage?.complaints.filter((line) => !/crash/i.test(line)), [])
})

const step = async (name, selector) => {
  await at(page, `${path}/record/${name}`)
  await page.locator(selector).first().waitFor()
}
const noteOf = (n) => page.locator('article.point').nth(n).locator('[id$=-note] textarea')

/** The system kills the browser's page, as it does behind the camera, and opens the app anew by its icon. */
async function killed() {
  const start = page.url().split('#')[0]
  const context = page.context()
  const session = await context.newCDPSession(page)
  const gone = page.waitForEvent('crash')
  session.send('Page.crash').catch(() => undefined)
  await gone
  await page.close()
  page = stage.watch(await context.newPage())
  await page.goto(start)
}

// F8: lesson 10, the system kills the app behind the camera
test('lesson_10_a_note_typed_a_moment_before_the_browser_is_killed_is_there', async () => {
  await step('points', 'article.point')
  await answer(page.locator('article.point').nth(2), '不符合')
  await saved(page)
  await noteOf(2).pressSequentially('货架第三层没有标价签')
  await killed()
  // Back at the same check point and field, without a tap.
  await noteOf(2).waitFor()
  await page.waitForFunction(() => document.activeElement?.closest('[data-at]')?.dataset.at?.endsWith('/note'))
  await holds(noteOf(2), '货架第三层没有标价签')
  assert.ok(await noteOf(2).evaluate((field) => field === document.activeElement), 'the field has the focus')
  const box = await noteOf(2).boundingBox()
  assert.ok(box.y > 60 && box.y < 1180, `the field is in view (${box.y})`)
  await saved(page)
  await page.reload()
  await noteOf(2).waitFor()
  assert.equal(await noteOf(2).inputValue(), '货架第三层没有标价签')
})

// F8: a tap is no draft
test('an answer that is on its way when the page ends arrives', async () => {
  await step('points', 'article.point')
  const card = page.locator('article.point').nth(4)
  await page.route('**/api/tasks/*/cells', async (route) => {
    await new Promise((later) => setTimeout(later, 1_000))
    await route.continue().catch(() => undefined)
  })
  await answer(card, '不符合')
  await page.locator('[aria-busy=true]').waitFor()
  await page.reload()
  await card.getByRole('radio', { name: '不符合', checked: true }).waitFor()
  await page.unroute('**/api/tasks/*/cells')
})

// F8: the same for every kind of text
test('what is typed is there after a reload before it was saved', async () => {
  await step('opinion', '#at-party-opinion')
  await page.locator('#at-party-opinion textarea').pressSequentially('无异议，已当场整改')
  await page.reload()
  await holds(page.locator('#at-party-opinion textarea'), '无异议，已当场整改')

  await step('evidence', 'h3')
  await page.getByRole('button', { name: '加一段陈述' }).tap()
  await page.locator('article.one textarea').last().pressSequentially('标签由店员更换')
  await page.reload()
  await holds(page.locator('article.one textarea').last(), '标签由店员更换')

  // What cannot be saved is not thrown away either.
  await page.getByRole('button', { name: '加一笔费用' }).tap()
  const cost = page.locator('article.one').filter({ has: page.locator('[inputmode=decimal]') })
  await cost.locator('textarea').first().pressSequentially('市场监督管理局')
  await saved(page)
  await cost.locator('[inputmode=decimal]').pressSequentially('12..')
  await page.reload()
  await holds(cost.locator('[inputmode=decimal]'), '12..')
  await cost.locator('[inputmode=decimal]').fill('12.5')
})

// F8: two clocks that differ say nothing about what was written first
test('what is typed stays over text of a colleague whose clock is ahead, and is never put over newer text of one whose clock is behind', async () => {
  const field = () => page.locator('#at-handling-opinion textarea')
  const cell = 'handling/opinion'
  const day = 86_400_000
  let value
  /** The record as it would be with this text of a colleague. */
  await page.context().route(`**/api/tasks/${visit.task}/record`, async (route) => {
    const response = await route.fetch()
    const body = await response.json()
    if (value) body.cells[cell] = { conflict: false, values: [{ ...value, person: 'p-li', name: '李示例', here: false, relieved: false }] }
    await route.fulfill({ response, json: body })
  })
  await page.context().route(`**/api/tasks/${visit.task}/cells`, (route) => route.abort())
  value = { value: '同事写的', at: Date.now() + day }
  await step('opinion', '#at-handling-opinion')
  await page.reload()
  await holds(field(), '同事写的')
  await field().press('End')
  await field().pressSequentially('，并作补充')
  await killed()
  await holds(field(), '同事写的，并作补充')

  value = { value: '同事后来改写的', at: Date.now() - day }
  await killed()
  await holds(field(), '同事后来改写的')
  const offer = () => page.locator('#at-handling-opinion').getByRole('region')
  await offer().getByText('同事写的，并作补充').waitFor()
  assert.deepEqual(await inLargest(page, 'a draft beside newer text'), [])
  await killed()
  await offer().getByText('同事写的，并作补充').waitFor()
  await page.context().unroute(`**/api/tasks/${visit.task}/cells`)
  const written = page.waitForRequest((request) => request.method() === 'PATCH')
  await offer().getByRole('button', { name: '用这段文字' }).tap()
  assert.deepEqual((await written).postDataJSON(), {
    edits: [{ path: cell, value: '同事写的，并作补充', seen: ['同事后来改写的'] }],
  })
  await offer().waitFor({ state: 'detached' })
  await page.context().unrouteAll({ behavior: 'wait' })
  await page.reload()
  await holds(field(), '同事写的，并作补充')
})

const refuse = (path, told) => async (route) => {
  told(route.request().postDataJSON())
  const words = { code: 'written_meanwhile', message: '同事刚刚在这一栏写了别的内容，没有被覆盖；请看过后再填。' }
  const problem = { type: 'about:blank', title: 'Conflict', status: 409, code: words.code, detail: words.message, fields: [{ field: path, ...words }] }
  await route.fulfill({ status: 409, contentType: 'application/problem+json', body: JSON.stringify(problem) })
}

/** Types in a cell in which a colleague writes meanwhile: `typed` and `theirs` as they show and as they are kept. */
async function meets(place, cell, stood, [typed, value], [theirs, theirValue]) {
  const field = () => place().locator('textarea, input')
  const record = `**/api/tasks/${visit.task}/record`
  const cells = `**/api/tasks/${visit.task}/cells`
  let sent
  await page.context().route(record, async (route) => {
    const response = await route.fetch()
    const body = await response.json()
    const written = { value: theirValue, at: Date.now(), person: 'p-li', name: '李示例', here: false, relieved: false }
    if (sent) body.cells[cell] = { conflict: false, values: [written] }
    await route.fulfill({ response, json: body })
  })
  await page.context().route(cells, refuse(cell, (body) => (sent = body)))
  await field().press('Control+a')
  await field().pressSequentially(typed)
  await holds(field(), theirs)
  assert.deepEqual(sent.edits[0].seen, [stood], 'what was on screen when the typing began')
  assert.ok(await field().evaluate((one) => one !== document.activeElement), 'nothing more is typed into the other text')
  const offer = place().getByRole('region')
  await offer.getByText(typed).waitFor()
  assert.deepEqual(await inLargest(page, 'typed while a colleague wrote'), [])
  await page.context().unroute(cells)
  const written = page.waitForRequest((request) => request.method() === 'PATCH')
  await offer.getByRole('button', { name: '用这段文字' }).tap()
  assert.deepEqual((await written).postDataJSON().edits, [{ path: cell, value, seen: [theirValue] }])
  await page.context().unrouteAll({ behavior: 'wait' })
  await page.reload()
  await holds(field(), typed)
}

// F5: what arrives while somebody types is not on screen there, so it must not be written over
test('what a colleague writes where one is typing shows, and what was typed is offered beneath it', async () => {
  const opinion = () => page.locator('#at-party-opinion')
  await step('opinion', '#at-party-opinion')
  await opinion().locator('textarea').fill('')
  await saved(page)
  await meets(opinion, 'party/opinion', '', ['没有意见', '没有意见'], ['同事先写好的', '同事先写好的'])

  await step('evidence', 'article.one')
  const amount = () => page.locator('[data-at$=amount_fen]')
  await holds(amount().locator('input'), '12.50')
  await meets(amount, await amount().getAttribute('data-at'), 1250, ['1000.00', 100_000], ['80.00', 8000])
  await amount().locator('input').fill('')
  await amount().getByRole('alert').getByText('请填写金额').waitFor()
  await amount().locator('input').fill('1000')
  await saved(page)

  // A tap is not repeated for anybody: it says what happened.
  await step('points', 'article.point')
  const card = page.locator('article.point').nth(2)
  const cells = `**/api/tasks/${visit.task}/cells`
  await page.context().route(cells, (route) => refuse(route.request().postDataJSON().edits[0].path, () => undefined)(route))
  await card.getByRole('radio', { name: '不适用', exact: true }).tap()
  await page.getByText('同事刚刚填写了这里，没有覆盖').waitFor()
  await page.context().unroute(cells)
  await answer(card, '不符合')
  await saved(page)
})

// F3: a photo with caption and check point in two taps; several at once; a clear refusal
test('photos: caption and point are preset, several go in at once, HEIF is refused in words', async () => {
  await step('points', 'article.point')
  const card = page.locator('article.point').nth(2)
  const words = await card.locator('h4').innerText()
  const shot = async (n) => ({ name: `shelf-${n}.jpg`, mimeType: 'image/jpeg', buffer: await page.screenshot({ type: 'jpeg', quality: 50 + n }) })
  const files = [await shot(1), await shot(2), await shot(3)]
  // Tap one opens the camera, tap two is its shutter.
  const [camera] = await Promise.all([page.waitForEvent('filechooser'), card.locator('label.add').first().tap()])
  assert.match(page.url(), /at=point.*photo/, 'the address names the place before the camera opens')
  await camera.setFiles(files[0])
  await card.locator('.shot').first().waitFor()
  const [gallery] = await Promise.all([page.waitForEvent('filechooser'), card.locator('label.add').nth(1).tap()])
  const heif = Buffer.from('0000001c6674797068656963000000006d69663168656963', 'hex')
  await gallery.setFiles([files[1], { name: 'IMG_1.heic', mimeType: 'image/heic', buffer: heif }, files[2]])
  await card.locator('.shot').nth(2).waitFor()
  await card.getByRole('alert').filter({ hasText: 'HEIF' }).filter({ hasText: 'IMG_1.heic' }).waitFor()
  await card.getByRole('alert').getByRole('button', { name: '关闭' }).tap()

  await card.locator('.shot').first().tap()
  const caption = page.locator('dialog textarea')
  assert.ok(words.includes(await caption.inputValue()), 'the caption is preset from the point')
  await caption.fill('第三层货架')
  await page.reload()
  await page.locator('.shot').first().waitFor()
  await page.locator('article.point').nth(2).locator('.shot').first().tap()
  assert.equal(await caption.inputValue(), '第三层货架', 'a caption survives a reload')
  // F5: it says what was on screen, as every other cell does.
  const written = page.waitForRequest((request) => request.method() === 'PATCH')
  await caption.fill('货架全景')
  const [edit] = (await written).postDataJSON().edits
  assert.match(edit.path, /^photo\/.+\/caption$/)
  assert.deepEqual([edit.value, edit.seen], ['货架全景', ['第三层货架']])
  await page.locator('dialog select').selectOption({ index: 1 })
  await page.getByRole('button', { name: '关闭' }).tap()
  await page.locator('dialog').waitFor({ state: 'detached' })
  await page.locator('article.point').first().locator('.shot').waitFor()
  assert.equal(await card.locator('.shot').count(), 2, 'the photo went to the other check point')
})

test('rotation, back and forth keep the place and what is typed', async () => {
  await step('points', 'article.point')
  await noteOf(2).tap()
  await noteOf(2).pressSequentially('，已拍照')
  await page.setViewportSize({ width: 1180, height: 820 })
  assert.match(await noteOf(2).inputValue(), /，已拍照$/)
  assert.ok(await noteOf(2).evaluate((field) => field === document.activeElement))
  await page.getByRole('link', { name: /检查结果/ }).tap()
  await page.locator('#at-fee-none').waitFor()
  await page.goBack()
  await noteOf(2).waitFor()
  assert.match(await noteOf(2).inputValue(), /，已拍照$/)
  await page.setViewportSize({ width: 820, height: 1180 })
})

// F4: what is missing before signing leads to exactly the field
test('each line of what is missing leads to its field: in view, focused, highlighted', async () => {
  const first = async () => {
    await at(page, `${path}/ready`)
    await page.locator('.verdict').waitFor()
    return page.locator('main a[href*="at="]')
  }
  const count = await (await first()).count()
  assert.ok(count > 10, `${count} lines`)
  for (const n of [0, Math.floor(count / 2), count - 3, count - 2, count - 1]) {
    const line = (await first()).nth(n)
    const href = await line.getAttribute('href')
    await line.tap()
    await page.waitForFunction(() => document.querySelector('.found')?.contains(document.activeElement))
    const found = page.locator('.found')
    const at = decodeURIComponent(/at=([^&]*)/.exec(href)[1])
    assert.equal(await found.getAttribute('data-at'), at, href)
    await page.waitForTimeout(100)
    const { y, height } = await found.boundingBox()
    assert.ok(y >= 60 && y < 1000, `${href}: in view (${y}, ${height})`)
  }
})

// F4: ink is kept when the tablet is turned, and over a reload
test('ink on the pad is kept over rotation and reload', async () => {
  await complete(page, visit)
  await at(page, `${path}/ready`)
  await page.getByRole('button', { name: /开始签名/ }).tap()
  await page.getByRole('button', { name: /已核对/ }).tap()
  await page.setViewportSize({ width: 1180, height: 820 })
  await page.locator('canvas').scrollIntoViewIfNeeded()
  await writeInk(page)
  /** The right-most and lowest drawn pixel of the pad, in CSS pixels, and how many are drawn. */
  const drawn = () =>
    page.locator('canvas').evaluate((canvas) => {
      const { width, height } = canvas
      const { data } = canvas.getContext('2d').getImageData(0, 0, width, height)
      let [right, count] = [0, 0]
      for (let i = 3; i < data.length; i += 4)
        if (data[i] > 40) {
          count += 1
          right = Math.max(right, ((i - 3) / 4) % width)
        }
      return { right: (right * canvas.clientWidth) / width, count, wide: canvas.clientWidth }
    })
  const before = await drawn()
  assert.ok(before.count > 500)
  await page.setViewportSize({ width: 600, height: 960 })
  await page.waitForTimeout(200)
  const turned = await drawn()
  assert.ok(turned.count > 200, `${turned.count} pixels`)
  // Nothing hangs over the edge: what was written shrank as a whole.
  assert.ok(Math.abs(turned.right / before.right - turned.wide / before.wide) < 0.03 || turned.wide > before.wide, JSON.stringify({ before, turned }))
  assert.ok(await page.getByRole('button', { name: '确认' }).isEnabled())
  await page.getByLabel('姓名').fill('示例负责人二')
  await page.reload()
  await page.getByRole('button', { name: /已核对/ }).tap()
  await page.locator('canvas').waitFor()
  assert.ok((await drawn()).count > 200, 'there after a reload')
  assert.equal(await page.getByLabel('姓名').inputValue(), '示例负责人二')
  assert.ok(await page.getByRole('button', { name: '确认' }).isEnabled())
})
