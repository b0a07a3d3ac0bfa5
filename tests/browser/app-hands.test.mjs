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
  await reach(new RegExp(visit.object.replace(/[（）]/g, '.')))
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
  await typist.locator('main.content').waitFor()
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

/** What the agent said and a page may show as it is; faults are not of it. */
const data = new Set()
const gather = (value, key) => {
  if (typeof value === 'string' && !['text', 'detail', 'message', 'error', 'remark'].includes(key)) for (const run of value.match(/[\u4e00-\u9fff]+/g) ?? []) data.add(run)
  if (value && typeof value === 'object') for (const [k, v] of Object.entries(value)) gather(v, k)
}

// T1: English complete
test('every screen is in English but for what the record itself says', async () => {
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

const task = () => `**/api/tasks/${visit.task}`
const REASON = '服务器没有接收这个文件（418），稍后再试。'

/** The agent's next answers to this, as `change` makes them. */
async function answersWith(url, change) {
  await reader.route(url, async (route) => {
    if (route.request().method() !== 'GET') return route.fallback()
    const response = await route.fetch()
    const body = await response.json()
    await route.fulfill({ response, json: change(body) ?? body })
  })
}

const refuses = (url, method, problem) =>
  reader.route(url, (route) =>
    route.request().method() === method
      ? route.fulfill({ status: problem.status, contentType: 'application/problem+json', json: { type: 'about:blank', title: '', ...problem } })
      : route.fallback(),
  )

/** All that is said in Chinese beside the words of the record is marked as such; the sentences are there. */
async function tells(...sentences) {
  for (const one of sentences) await reader.getByText(one).first().waitFor()
  assert.deepEqual(await look(reader, 'chinese', [...data].join(' ')), [])
  assert.equal(await reader.getByText('The server had an error').count(), 0)
}

/** The agent is quoted, in Chinese that is marked. */
async function quotes(within, text) {
  await within.getByText('This tablet reports, in Chinese:').first().waitFor()
  assert.equal(await within.locator('[lang=zh-CN]').getByText(text).count() > 0, true, text)
}

/** The agent gave codes: English words stand in the place of its own, and none of these is read anywhere. */
async function quotesNothing(...words) {
  for (const one of words) assert.equal(await reader.getByText(one).count(), 0, one)
  assert.equal(await reader.getByText('This tablet reports, in Chinese:').count(), 0)
}

// T1: English complete
test('no fault with a code is quoted in Chinese', async () => {
  const file = { error: REASON, error_code: 'not_taken' }
  await answersWith('**/api/sync', (body) => {
    Object.assign(body.rows[0], { error: '作者不在检查组内，内容留在隔离区，由管理员处理。', error_code: 'not_on_team', failed: 1 })
  })
  await answersWith('**/api/sync/tasks/*', (body) => {
    for (const one of [...body.photos, ...body.clips]) Object.assign(one, file)
  })
  const tablet = { address: '192.168.1.9:4012', found_by: 'typed', name: '', people: [], has_all: false }
  const other = { ...tablet, address: '192.168.1.8:4012', error: '平板存储空间不足。', error_code: 'disk_full' }
  const stranger = { ...tablet, error: '这台平板不属于同一检查组，没有与它交换任何内容。', error_code: 'other_team' }
  await answersWith('**/api/nearby', () => ({ enabled: true, addresses: [], tablets: [stranger, other], kept_out: [] }))
  const imported = { source: 'office', people: [], made_at: 1, whole: false, remark: '数据包不完整。', remark_code: 'cut_off', tasks: [], tasks_elsewhere: 0 }
  await reader.route('**/api/bundle/import', (route) => route.fulfill({ json: imported }))
  await at(reader, '/sync')
  await reader.getByRole('button', { name: /^Show \d+ photo/ }).tap()
  await reader.locator('input[accept=".drb"]').setInputFiles({ name: 'a.drb', mimeType: 'application/octet-stream', buffer: Buffer.from('x') })
  await tells('The author is not on the team', 'The office did not take this file', 'not of one of your teams', 'The tablet is full', 'The end of the file is missing')
  await quotesNothing('由管理员处理', REASON, '不属于同一检查组', '存储空间不足', '数据包不完整')

  await answersWith(`${task()}/photos`, (body) => void Object.assign(body.rows[0], file, { remark: '（EXIF）已损坏。', remark_code: 'exif_damaged' }))
  await answersWith(`${task()}/clips`, (body) => void Object.assign(body.rows[0], file))
  await at(reader, `/tasks/${visit.task}/record/points`)
  await reader.locator('.shot').first().tap()
  await tells('The office did not take this file', 'EXIF damaged')
  await quotesNothing(REASON, '（EXIF）已损坏')
  await reader.getByRole('button', { name: en.close, exact: true }).tap()
  await at(reader, `/tasks/${visit.task}/record/evidence`)
  await reader.locator('li button .face').first().tap()
  await tells('The office did not take this file')
  await quotesNothing(REASON)
  await reader.getByRole('button', { name: en.close, exact: true }).tap()
  await reader.locator('dialog').waitFor({ state: 'detached' })

  // The real agent refuses a word that no result has.
  const answer = await reader.evaluate(async (task) => {
    const body = JSON.stringify({ edits: [{ path: 'visit/place_mock', value: 'x' }] })
    const asked = await fetch(`/api/tasks/${task}/cells`, { method: 'PATCH', headers: { 'content-type': 'application/json' }, body })
    return asked.json()
  }, visit.task)
  assert.deepEqual([answer.code, answer.fields[0].code], ['bad_cell', 'bad_value'])
  const path = 'handling/opinion'
  const field = { field: path, message: '内容不符合要求。', code: 'bad_value' }
  await refuses(`${task()}/cells`, 'PATCH', { status: 422, code: 'bad_cell', detail: '内容不符合要求。', fields: [field] })
  await at(reader, `/tasks/${visit.task}/record/opinion`)
  await reader.locator('#at-handling-opinion textarea').fill('z')
  await tells('This cannot stand here')
  await quotesNothing('内容不符合要求')
  await reader.unrouteAll({ behavior: 'wait' })
})

test('a fault on the sync screen is told by its code, or quoted, never as another', async () => {
  await answersWith('**/api/sync', (body) => {
    Object.assign(body.rows[0], { error: '作者不在检查组内，内容留在隔离区，由管理员处理。', failed: 1 })
    body.last_error = { code: 'quarantine_full', text: '隔离区已满。', permanent: false, at: Date.now() }
  })
  await answersWith('**/api/sync/tasks/*', (body) => {
    for (const one of [...body.photos, ...body.clips]) one.error = REASON
  })
  const tablet = { address: '192.168.1.9:4012', found_by: 'typed', name: '', people: [], has_all: false }
  const kept = { task: visit.task, number: '1', object: '', person: '', count: 1, at: 1 }
  await answersWith('**/api/nearby', () => ({
    enabled: true,
    addresses: [],
    tablets: [{ ...tablet, error: '这台平板不属于同一检查组，没有与它交换任何内容。' }],
    kept_out: [
      { ...kept, code: 'relieved', text: '作者已被替换。' },
      { ...kept, code: 'would_break', text: '内容已损坏。' },
      { ...kept, code: 'of_tomorrow', text: '明天才有的原因。' },
    ],
  }))
  const refused = [{ code: 'bad_statement', text: '签字与名单上的密钥或笔迹不符。' }]
  const came = { changes: 0, known: 0, waiting: 0, statements: 0, photos: 0, refused }
  const remark = '数据包不完整，文件末尾缺失；完整的部分已导入。'
  const imported = { source: 'office', people: [], made_at: 1, whole: false, remark, tasks: [{ ...kept, ...came }], tasks_elsewhere: 0 }
  await reader.route('**/api/bundle/import', (route) => route.fulfill({ json: imported }))
  await at(reader, '/sync')
  await reader.getByRole('button', { name: /^Show \d+ photo/ }).tap()
  await tells('quarantine for this tablet is full', 'The author was relieved', 'Damaged, or not in the form of a record')
  for (const text of ['由管理员处理', '不属于同一检查组', '明天才有的原因', REASON]) await quotes(reader.locator('main'), text)
  await reader.locator('input[accept=".drb"]').setInputFiles({ name: 'a.drb', mimeType: 'application/octet-stream', buffer: Buffer.from('x') })
  await tells('A signature fits neither the key')
  await quotes(reader.locator('main'), '文件末尾缺失')
  assert.deepEqual(await axe(reader, {}), [])
  await refuses('**/api/bundle/import', 'POST', { status: 400, code: 'bundle_stranger', detail: '制作方不是同组人员的平板。' })
  await reader.locator('input[accept=".drb"]').setInputFiles({ name: 'a.drb', mimeType: 'application/octet-stream', buffer: Buffer.from('x') })
  await tells('The file was made neither by a tablet of your teams nor by your office')
})

test('so is a fault in the record: of a photo, a clip, a field, and of the disk', async () => {
  await answersWith(`${task()}/photos`, (body) => void Object.assign(body.rows[0], { error: REASON, remark: '照片的拍摄信息（EXIF）已损坏。' }))
  await answersWith(`${task()}/clips`, (body) => void Object.assign(body.rows[0], { error: REASON }))
  await at(reader, `/tasks/${visit.task}/record/points`)
  await reader.locator('.shot').first().tap()
  await tells('This tablet reports')
  for (const text of [REASON, '（EXIF）已损坏']) await quotes(reader.locator('dialog'), text)
  await reader.getByRole('button', { name: en.close, exact: true }).tap()
  await at(reader, `/tasks/${visit.task}/record/evidence`)
  await reader.locator('li button .face').first().tap()
  await tells('This tablet reports')
  await quotes(reader.locator('dialog'), REASON)
  await reader.getByRole('button', { name: en.close, exact: true }).tap()
  await reader.locator('dialog').waitFor({ state: 'detached' })

  const path = 'handling/opinion'
  await refuses(`${task()}/cells`, 'PATCH', { status: 422, code: 'bad_cell', detail: '内容太长。', fields: [{ field: path, message: '内容太长，最多二千字。' }] })
  await at(reader, `/tasks/${visit.task}/record/opinion`)
  const opinion = reader.locator('#at-handling-opinion')
  await opinion.locator('textarea').fill('x')
  await quotes(opinion, '最多二千字')
  await tells('One entry was not saved')
  await reader.unroute(`${task()}/cells`)
  await refuses(`${task()}/cells`, 'PATCH', { status: 507, code: 'disk_full', detail: '平板存储空间不足。' })
  await opinion.locator('textarea').fill('xy')
  await tells('Not saved yet, trying again. The tablet is full')
  await reader.unrouteAll({ behavior: 'wait' })
  await reader.getByText(/^Saved on this tablet/).waitFor()
})

test('no page threw an error', () => assert.deepEqual(stage.complaints, []))
