// Two tablets and an office after the dispatch, and people's hands on their pages: for tests that play
// a visit in the real user interfaces. What comes before (registers, plan, draw, dispatch) is played
// over HTTP by the same program that plays the demo.
import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openBrowser } from './browser.mjs'
import { start } from './program.mjs'

const ROOT = new URL('../../', import.meta.url).pathname
const PLAY = process.env.PLAY ?? join(ROOT, 'target/debug/play')

/** Plays all that comes before: what was printed after the dispatch, a folder for the test, a way to cut networks. */
export async function playUpToDispatch(...options) {
  const data = await mkdtemp(join(tmpdir(), 'double-random-stage-'))
  const play = start(PLAY, ['--stage', '--data', join(data, 'stage'), ...options])
  return {
    data,
    story: JSON.parse((await play.hear(/^stage (\{.*\})\n/m))[1]),
    say: play.say,
    async stop() {
      await play.stop()
      await rm(data, { recursive: true, force: true })
    },
  }
}

/**
 * Starts everything. `story`: what was printed after the dispatch; `complaints`: what pages threw.
 * `long`: records of 30 check points rather than 9; `film`: see `openBrowser`.
 */
export async function openStage({ long = false, film } = {}) {
  const { story, say, stop } = await playUpToDispatch(...(long ? ['--long-visit'] : []))
  const browser = await openBrowser({ film })
  const complaints = []

  function watch(page) {
    page.on('pageerror', (error) => complaints.push(String(error)))
    page.on('console', (line) => /Content Security Policy/.test(line.text()) && complaints.push(line.text()))
    return page
  }

  return {
    story,
    browser,
    complaints,
    watch,

    /** `cut` or `restore`: the network of both tablets, or of tablet `n`. */
    network: (word, n = '') => say(`${word} ${n}`),

    /** Enrols a tablet and leaves its page locked. */
    async enrol({ launch, code, server }) {
      const context = await browser.newContext({
        viewport: { width: 820, height: 1180 },
        hasTouch: true,
        locale: 'zh-CN',
        geolocation: { latitude: 22.5431, longitude: 114.0579, accuracy: 9 },
        permissions: ['geolocation'],
      })
      const page = watch(await context.newPage())
      await page.goto(launch)
      await page.getByLabel('服务器地址').fill(server)
      await page.getByLabel('登记码').fill(code)
      await page.getByRole('button', { name: '下一步' }).tap()
      await page.locator('fieldset').first().waitFor()
      for (const field of await page.locator('fieldset input[type=password]').all()) await field.fill(story.pin)
      await page.getByRole('button', { name: '完成登记' }).tap()
      return page
    },

    async unlock(page, name) {
      await page.getByRole('button', { name: new RegExp(name) }).first().tap()
      await page.locator('.pad').waitFor()
      await typePin(page, story.pin)
      await page.getByRole('button', { name: '解锁' }).tap()
      await page.getByRole('heading', { name: '检查任务' }).waitFor()
    },

    /** The party and `signers` inspectors sign on the page of the closing tablet, up to the seal. */
    async sign(page, task, signers) {
      await at(page, `/tasks/${task}/ready`)
      await page.locator('.verdict').waitFor()
      const wait = page.getByRole('button', { name: '不等待' })
      await page.waitForTimeout(800)
      if (await wait.count()) {
        await wait.first().tap()
        await page.getByLabel('理由').fill('内容已当面核对')
        await page.getByRole('button', { name: '确定' }).tap()
      }
      await page.getByRole('button', { name: /开始签名/ }).tap()
      await page.getByRole('button', { name: /已核对/ }).tap()
      await page.locator('canvas').waitFor()
      await writeInk(page)
      await page.getByRole('button', { name: '确认' }).tap()
      for (let signer = 0; signer < signers; signer++) {
        const next = page.getByRole('button', { name: /下一步：输入 PIN/ })
        await next.waitFor()
        await writeInk(page)
        await next.tap()
        await typePin(page, story.pin)
        await page.getByRole('button', { name: '确认签名' }).tap()
        await page.getByRole('button', { name: '确认签名' }).waitFor({ state: 'detached' })
      }
      await page.getByText(/[0-9a-f]{4} [0-9a-f]{4} [0-9a-f]{4}/).first().waitFor()
    },

    async console(login) {
      const context = await browser.newContext({ viewport: { width: 1440, height: 900 }, locale: 'zh-CN' })
      const page = watch(await context.newPage())
      await page.goto(`${story.server}/console/`)
      await page.locator('input[name=login]').fill(login)
      await page.locator('input[name=password]').fill(story.password)
      await page.keyboard.press('Enter')
      await page.getByRole('navigation').first().waitFor()
      return page
    },

    /** A citizen's telephone without JavaScript, on the portal's page of the object that was found. */
    async citizen(object) {
      const context = await browser.newContext({ viewport: { width: 390, height: 844 }, javaScriptEnabled: false, locale: 'zh-CN' })
      const page = watch(await context.newPage())
      await page.goto(`${story.server}/`)
      await page.getByRole('searchbox').fill(object)
      await page.keyboard.press('Enter')
      await page.getByRole('link', { name: new RegExp(object.replace(/[（）]/g, '.')) }).first().click()
      await page.getByRole('heading', { name: object }).waitFor()
      return page
    },

    async close() {
      await browser.close()
      await stop()
    },
  }
}

/** Goes to a screen of the tablet app. */
export const at = (page, path) => page.goto(`${page.url().split('#')[0]}#${path}`)

/** Longer than a typed text waits before it is saved, and until the record says no more that it is saving. */
export async function saved(page) {
  await page.waitForTimeout(900)
  await page.waitForFunction(() => !document.querySelector('[aria-busy=true]'))
}

/** What a field holds may come a moment after the field, as after a reload. */
export async function holds(field, text) {
  for (let tries = 0; tries < 200 && (await field.inputValue()) !== text; tries++) await field.page().waitForTimeout(100)
  assert.equal(await field.inputValue(), text)
}

/** Two tablets with the network to the office talk to it until each has heard of the other's key. */
export async function meet(pages, team) {
  for (const [n, page] of pages.entries()) {
    const heard = async (name) => {
      await fetch('/api/sync/now', { method: 'POST' })
      const { rows } = await (await fetch('/api/bundle/parties')).json()
      return rows.some((one) => one.kind === 'tablet' && one.people.includes(name))
    }
    const { name } = team[1 - n]
    let met = false
    for (let tries = 0; tries < 120 && !(met = await page.evaluate(heard, name)); tries++) await page.waitForTimeout(500)
    assert.ok(met, `the tablet of ${team[n].name} has heard of that of ${name}`)
  }
}

export async function typePin(page, pin) {
  for (const digit of pin) await page.getByRole('button', { name: digit, exact: true }).tap()
}

/** Begins the visit whose task is on screen; ends when the arrival is recorded, with its place. */
export async function begin(page) {
  await page.getByRole('button', { name: '开始检查', exact: true }).tap()
  await page.getByRole('button', { name: '已出示，开始检查' }).tap()
  await page.getByText(/误差约 \d+ 米/).waitFor()
  await saved(page)
}

/** Taps an answer; once more, as people do, when what arrived meanwhile moved it away under the finger. */
async function choose(radio) {
  const chosen = radio.and(radio.page().locator('[aria-checked=true]'))
  await radio.tap()
  await chosen.waitFor({ timeout: 10_000 }).catch(() => radio.tap())
  await chosen.waitFor()
}

/** Answers one check point as its kind wants it. */
export async function answer(card, verdict) {
  const radios = card.getByRole('radio')
  if (await card.getByRole('radio', { name: verdict, exact: true }).count()) {
    await choose(card.getByRole('radio', { name: verdict, exact: true }))
  } else if (await radios.count()) await choose(radios.first())
  else if (await card.locator('input[inputmode]').count()) await card.locator('input[inputmode]').first().fill('12')
  else await card.locator('textarea').first().fill('现场查看属实。')
}

/** Adds a picture from the gallery to a check point. */
export async function addPhoto(page, card, jpeg) {
  const before = await card.locator('.shot').count()
  const [chooser] = await Promise.all([page.waitForEvent('filechooser'), card.locator('label.add').nth(1).tap()])
  await chooser.setFiles({ name: 'shelf.jpg', mimeType: 'image/jpeg', buffer: jpeg })
  await card.locator('.shot').nth(before).waitFor()
}

/** Settles the conflict on `card` in favour of the own answer; what both sides showed. */
export async function settleForMine(card) {
  const choices = card.getByRole('button', { name: '以此为准' })
  await choices.nth(1).waitFor({ timeout: 150_000 })
  const sides = await Promise.all((await choices.all()).map((c) => c.locator('xpath=..').innerText()))
  const mine = sides.findIndex((side) => side.includes('本机'))
  await choices.nth(mine).tap()
  await choices.first().waitFor({ state: 'detached' })
  return { mine: sides[mine], theirs: sides.filter((_, n) => n !== mine) }
}

/** A stroke on the pad for handwriting. */
export async function writeInk(page) {
  const box = await page.locator('canvas').boundingBox()
  await page.mouse.move(box.x + 80, box.y + 90)
  await page.mouse.down()
  for (let i = 0; i <= 40; i++) await page.mouse.move(box.x + 80 + i * 10, box.y + 100 + Math.sin(i / 3) * 50)
  await page.mouse.up()
}

/** Waits on a console page, loading it anew, until `button` is there. */
export async function untilOffered(page, button) {
  for (let tries = 0; tries < 120 && !(await button.count()); tries++) {
    await page.waitForTimeout(1_000)
    await page.reload()
    await page.getByRole('navigation').first().waitFor()
    await page.waitForTimeout(500)
  }
}
