// A server with registers and a clock of its own, and people at it over HTTP: for what comes before a
// browser test.
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { start } from './program.mjs'

const ROOT = new URL('../../', import.meta.url).pathname
const PROGRAM = process.env.REHEARSE ?? join(ROOT, 'target/debug/rehearse')
export const PASSWORD = 'Lake-2026-spring'

export async function rehearse(now) {
  const data = await mkdtemp(join(tmpdir(), 'double-random-rehearsal-'))
  const registers = join(ROOT, 'server/tests/draws/registers.sql')
  const office = start(PROGRAM, ['--data', data, '--now', String(now), '--registers', registers])
  const [, url] = await office.hear(/Listening on (\S+)\n/)
  const [, once] = await office.hear(/one-time password (\S+)/)
  return {
    url,
    once,
    async set(at) {
      office.say(`now ${at}`)
      await office.hear(new RegExp(`clock ${at}\n`))
    },
    async stop() {
      await office.stop()
      await rm(data, { recursive: true, force: true })
    },
  }
}

/** Somebody over HTTP. */
export class Person {
  #url
  #cookie = ''
  #csrf = ''

  constructor(url) {
    this.#url = url
  }

  async ask(method, path, body) {
    const headers = { 'content-type': 'application/json', cookie: this.#cookie, 'x-csrf-token': this.#csrf }
    const answer = await fetch(this.#url + path, { method, headers, body: body && JSON.stringify(body) })
    const cookie = answer.headers.get('set-cookie')
    if (cookie) this.#cookie = cookie.split(';')[0]
    const text = await answer.text()
    if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${text}`)
    return text ? JSON.parse(text) : null
  }

  async signIn(login, once) {
    const start = async (password) => (this.#csrf = (await this.ask('POST', '/api/session', { login, password })).csrf_token)
    await start(once ?? PASSWORD)
    if (!once) return this
    await this.ask('POST', '/api/session/password', { old: once, new: PASSWORD })
    await start(PASSWORD)
    return this
  }
}

/** Accounts planner, supervisor and drawer, and a locked plan of the department of the registers. */
export async function prepare(office, year) {
  const admin = await new Person(office.url).signIn('admin', office.once)
  const people = {}
  for (const [login, name, role] of [
    ['planner', '计划员甲', 'planner'],
    ['supervisor', '审核员乙', 'supervisor'],
    ['drawer', '抽取员丙', 'draw_officer'],
  ]) {
    const form = { login, name, department: 'market', grants: [{ role, department: 'market' }], status: 'active' }
    const { one_time_password } = await admin.ask('POST', '/api/accounts', form)
    people[login] = await new Person(office.url).signIn(login, one_time_password)
  }
  const form = {
    title: '食品销售随机抽查（示例）',
    department: 'market',
    items: ['item-1', 'item-2'],
    from: `${year}-01-01`,
    until: `${year}-12-30`,
    team: 2,
    scope: { districts: [], industries: ['F'], q: '' },
    cells: [
      { risk_classes: ['A'], ratio_ppm: 100_000, number: null, reserves: 3 },
      { risk_classes: ['B'], ratio_ppm: null, number: 6, reserves: 2 },
    ],
  }
  const { id } = await people.planner.ask('POST', '/api/plans', form)
  await people.planner.ask('POST', `/api/plans/${id}/submit`, {})
  await people.supervisor.ask('POST', `/api/plans/${id}/approve`, {})
  await people.supervisor.ask('POST', `/api/plans/${id}/lock`, {})
  return { ...people, plan: id }
}
