// A walk through every screen of the tablet app in the order of a visit, for tests that look at each of
// them: an async generator that gives the screen's name while it stands there.
import { addPhoto, answer, at, saved, typePin, writeInk } from './stage.mjs'

/** Screens before anybody has unlocked; `page` was enrolled and is locked. */
export async function* doorScreens(page, pin) {
  await page.locator('.choice').first().waitFor()
  yield 'unlock'
  await page.locator('.choice').first().tap()
  await page.locator('.pad').waitFor()
  await typePin(page, pin.slice(0, 3))
  yield 'unlock, PIN'
  await page.reload()
  await page.locator('.choice').first().waitFor()
}

/** Screens of somebody who has unlocked, up to the list of what is missing; a visit is begun. */
export async function* workScreens(page, visit, words) {
  const path = `/tasks/${visit.task}`
  await at(page, '/tasks')
  await page.locator('.row-card').first().waitFor()
  yield 'tasks, with the guide'
  for (const one of [words.next, words.next]) await page.locator('.guide').getByRole('button', { name: one, exact: true }).tap()
  await page.locator('.guide').getByRole('button', { name: words.skip }).tap()
  await page.locator('.guide').waitFor({ state: 'detached' })
  yield 'tasks'
  await at(page, path)
  await page.getByRole('button', { name: words.start, exact: true }).waitFor()
  yield 'task'
  await page.getByRole('button', { name: words.start, exact: true }).tap()
  await page.locator('dialog .sheet').waitFor()
  yield 'start'
  await page.getByRole('button', { name: words.startDo, exact: true }).tap()
  await page.locator('dialog').waitFor({ state: 'detached' })
  await page.waitForURL(/record\/arrival/)
  await page.locator('main.content').waitFor()
  await saved(page)
  yield 'record, arrival'

  await at(page, `${path}/record/points`)
  const cards = page.locator('article.point')
  await cards.first().waitFor()
  await answer(cards.nth(0), words.compliant)
  await answer(cards.nth(1), words.nonCompliant)
  await cards.nth(1).getByRole('button', { name: words.basis }).tap()
  await addPhoto(page, cards.nth(0), await page.screenshot({ type: 'jpeg', quality: 60 }))
  await page.evaluate(() => window.scrollTo(0, 0))
  yield 'record, points'
  await cards.nth(0).locator('.shot').first().tap()
  await page.locator('dialog textarea').waitFor()
  yield 'photo'
  await page.getByRole('button', { name: words.close, exact: true }).tap()
  await page.locator('dialog').waitFor({ state: 'detached' })

  await at(page, `${path}/record/evidence`)
  await page.getByRole('button', { name: words.addStatement }).tap()
  await page.locator('article.one textarea').last().waitFor()
  yield 'record, evidence'
  await page.getByRole('button', { name: words.addClip }).tap()
  await page.locator('dialog .sheet').waitFor()
  yield 'clip, adding'
  await page.locator('dialog input[type=file]').setInputFiles({ name: 'a.mov', mimeType: 'video/quicktime', buffer: Buffer.from('\0\0\0\x14ftypqt  ', 'latin1') })
  await page.locator('dialog [role=alert]').waitFor()
  yield 'clip, refused'
  await page.locator('dialog input[type=file]').setInputFiles({ name: 'a.wav', mimeType: 'audio/wav', buffer: sound() })
  await page.locator('dialog').waitFor({ state: 'detached' })
  await page.locator('li button .face').first().tap()
  await page.locator('dialog audio').waitFor()
  yield 'clip'
  await page.getByRole('button', { name: words.close, exact: true }).tap()
  await page.locator('dialog').waitFor({ state: 'detached' })
  yield 'record, evidence with a clip'
  await page.locator('article.one textarea').last().fill('货架标签由店员更换。')
  await saved(page)
  await page.getByRole('button', { name: words.withdraw }).first().tap()
  await page.locator('dialog .ask').waitFor()
  yield 'a question'
  await page.keyboard.press('Escape')
  await at(page, `${path}/record/result`)
  await page.getByRole('checkbox').first().tap()
  yield 'record, result'
  await at(page, `${path}/record/opinion`)
  await page.locator('#at-party-opinion').waitFor()
  yield 'record, opinion'
  await at(page, `${path}/ready`)
  await page.locator('.verdict').waitFor()
  yield 'ready'
  await page.getByRole('button', { name: words.preview }).tap()
  await page.locator('dialog article').waitFor()
  yield 'preview'
  await page.keyboard.press('Escape')
  await page.locator('dialog').waitFor({ state: 'detached' })
  await at(page, '/sync')
  await page.locator('.counters').waitFor()
  yield 'sync'
  await at(page, '/settings')
  await page.locator('dl').waitFor()
  yield 'settings'
  await at(page, '/guide')
  await page.locator('.guide').waitFor()
  yield 'guide'
}

/** A second of a tone, as a WAV file. */
export function sound(seconds = 1) {
  const rate = 8000
  const data = Buffer.from(Array.from({ length: rate * seconds }, (_, i) => 128 + 60 * Math.sin(i / 3)))
  const head = Buffer.from('RIFF....WAVEfmt \x10\0\0\0\x01\0\x01\0........\x01\0\x08\0data....', 'latin1')
  head.writeUInt32LE(36 + data.length, 4)
  head.writeUInt32LE(rate, 24)
  head.writeUInt32LE(rate, 28)
  head.writeUInt32LE(data.length, 40)
  return Buffer.concat([head, data])
}

/** Fills in whatever is missing for signing, quickly, on the closing tablet. */
export async function complete(page, visit) {
  const path = `/tasks/${visit.task}`
  await at(page, `${path}/record/points`)
  const cards = page.locator('article.point')
  await cards.first().waitFor()
  for (const card of await cards.all()) await answer(card, '符合')
  await saved(page)
  const picture = await page.screenshot({ type: 'jpeg', quality: 60 })
  for (const card of await page.locator('article.point').filter({ hasText: '须拍照' }).all()) await addPhoto(page, card, picture)
  await at(page, `${path}/record/result`)
  const fee = page.getByRole('checkbox').first()
  if ((await fee.getAttribute('aria-checked')) === 'false') await fee.tap()
  for (const box of await page.getByRole('checkbox', { name: /未发现问题/ }).all()) await box.tap()
  await at(page, `${path}/record/opinion`)
  await page.locator('#at-handling-opinion textarea').fill('未发现问题，建议保持。')
  await page.getByRole('button', { name: '无异议' }).tap()
  await page.getByLabel('在场代表姓名').fill('示例负责人')
  await page.getByRole('button', { name: '店长' }).tap()
  await page.getByRole('button', { name: '现在结束' }).tap()
  await saved(page)
}

/** Screens of signing, up to the seal, with two inspectors on one tablet. */
export async function* signScreens(page, visit, pin) {
  await at(page, `/tasks/${visit.task}/ready`)
  await page.locator('.verdict').waitFor()
  yield 'ready to sign'
  await page.getByRole('button', { name: /开始签名/ }).tap()
  await page.getByRole('button', { name: /已核对/ }).waitFor()
  yield 'sign, reading'
  await page.getByRole('button', { name: /已核对/ }).tap()
  await page.getByRole('radio', { name: '拒绝签名' }).tap()
  yield 'sign, refusal'
  await page.getByRole('radio', { name: '签名', exact: true }).tap()
  await page.locator('canvas').waitFor()
  yield 'sign, party'
  await writeInk(page)
  await page.getByRole('button', { name: '确认' }).tap()
  for (const turn of [1, 2]) {
    const next = page.getByRole('button', { name: /下一步：输入 PIN/ })
    await next.waitFor()
    await writeInk(page)
    if (turn === 1) yield 'sign, ink'
    await next.tap()
    await page.locator('.pad').waitFor()
    if (turn === 1) yield 'sign, PIN'
    await typePin(page, pin)
    await page.getByRole('button', { name: '确认签名' }).tap()
    await page.getByRole('button', { name: '确认签名' }).waitFor({ state: 'detached' })
  }
  await page.locator('.seal').waitFor()
  yield 'sealed'
}

export const zh = {
  next: '下一步',
  skip: '跳过',
  start: '开始检查',
  startDo: '已出示，开始检查',
  compliant: '符合',
  nonCompliant: '不符合',
  basis: '看依据和方法',
  close: '关闭',
  addStatement: '加一段陈述',
  addClip: '加录像或录音',
  withdraw: '撤下',
  preview: '看记录全文',
}

export const en = {
  next: 'Next',
  skip: 'Skip',
  start: 'Start the inspection',
  startDo: 'Shown, start the inspection',
  compliant: 'Compliant',
  nonCompliant: 'Non-compliant',
  basis: 'Basis and method',
  close: 'Close',
  addStatement: 'Add a statement',
  addClip: 'Add video or sound',
  withdraw: 'Withdraw',
  preview: 'Read the record',
}
