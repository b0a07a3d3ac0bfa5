// The page of a witness. The value is made or typed here, is kept on this telephone, and only its hash
// leaves it before the list is closed. At a terminal of the hall nothing is kept: the witness notes the
// value on the slip.
import { sample } from '/sample.js'
import { sha256 } from '/sha256.js'

const code = document.body.dataset.code
const terminal = new URLSearchParams(location.search).has('terminal')
const main = document.getElementById('main')
const KEY = `double-random-witness-${code}`
const VALUE = /^[A-Za-z0-9-]{8,64}$/
const POLL = 3000
let mine
let shown = ''
let busy = false
let problem = ''

const CAPACITY = {
  deputy: '人大代表、政协委员',
  discipline: '纪检监察人员',
  notary: '公证人员',
  third_party: '第三方机构代表',
  trade: '行业、企业代表',
  media: '新闻媒体',
  public: '社会公众',
}

function h(tag, props, ...children) {
  const node = Object.assign(document.createElement(tag), props)
  node.append(...children.filter((c) => c !== undefined && c !== ''))
  return node
}

const groups = (text, size) => text.match(new RegExp(`.{1,${size}}`, 'g')) ?? []
const hash = (text) => h('p', { className: 'hash mono' }, ...groups(text, 8).map((g) => h('span', {}, g)))
const own = (value) => sha256(`${mine.commitment}\n${mine.name}\n${value}`)

/** 20 characters without look-alikes: 100 bits. */
function invent() {
  const letters = '23456789abcdefghijkmnpqrstuvwxyz'
  const bytes = crypto.getRandomValues(new Uint8Array(20))
  return groups(Array.from(bytes, (b) => letters[b & 31]).join(''), 5).join('-')
}

function kept() {
  if (terminal) return ''
  try {
    return localStorage.getItem(KEY) ?? ''
  } catch {
    return ''
  }
}

/** Whether the value is safe on this telephone. */
function keep(value) {
  if (terminal) return false
  try {
    localStorage.setItem(KEY, value)
    return localStorage.getItem(KEY) === value
  } catch {
    return false
  }
}

async function ask(path, body) {
  const options = body && { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ ...body, terminal }) }
  const answer = await fetch(`/api/w/${code}${path}`, { cache: 'no-store', ...options })
  const told = await answer.json().catch(() => ({}))
  if (!answer.ok) throw new Error(told.fields?.[0]?.message ?? told.detail ?? `服务器没有答复（${answer.status}）`)
  return told
}

async function act(path, body) {
  if (busy) return
  busy = true
  problem = ''
  draw(true)
  try {
    mine = await ask(path, body)
  } catch (error) {
    problem = error instanceof TypeError ? '没有连上服务器，请再试一次；数值没有丢。' : error.message
  }
  busy = false
  draw(true)
}

function button(text, act, plain = false) {
  return h('button', { type: 'button', className: plain ? 'plain' : '', disabled: busy, onclick: act }, busy && !plain ? '请稍候…' : text)
}

let draft = ''
let noted = false

function handIn() {
  if (!draft) draft = kept() || invent()
  const paper = terminal || !keep(draft)
  const field = h('input', { id: 'value', value: draft, className: 'mono', maxLength: 64, autocomplete: 'off', spellcheck: false })
  field.setAttribute('autocapitalize', 'none')
  const rule = h('p', { id: 'rule', className: 'wrong', role: 'alert' })
  const fingerprint = h('div', {})
  const check = h('input', { type: 'checkbox', id: 'noted', checked: noted })
  const send = button('提交指纹', () => {
    draft = field.value.trim()
    if (!VALUE.test(draft)) return
    keep(draft)
    void act('/hand-in', { committed: own(draft) })
  })
  const changed = () => {
    const value = field.value.trim()
    const right = VALUE.test(value)
    rule.textContent = right ? '' : '数值须为 8 到 64 个字母、数字或连字符'
    fingerprint.replaceChildren(right ? hash(own(value)) : '')
    send.disabled = busy || !right || (paper && !check.checked)
    noted = check.checked
    if (right) draft = value
  }
  field.addEventListener('input', changed)
  check.addEventListener('change', changed)
  changed()
  return [
    h('h2', {}, '您的数值'),
    h('p', {}, paper ? '这台机器不保存数值：请把它抄在纸条上，揭晓时还要用。' : '数值只存在这部手机里，揭晓之前谁也看不到，服务器也看不到。'),
    h('label', { htmlFor: 'value' }, '可以直接用，也可以改成自己想的'),
    field,
    rule,
    button('换一个', () => ((draft = invent()), draw(true)), true),
    h('h2', {}, '它的指纹'),
    fingerprint,
    paper ? h('label', { className: 'tick' }, check, '我已经把数值抄在纸条上') : '',
    send,
  ]
}

function waiting() {
  const value = kept()
  const foreign = value && own(value) !== mine.committed
  return [
    h('p', { className: 'done' }, '✓ 指纹已提交'),
    h('p', {}, '请与大屏幕上您名字旁边的前 16 位核对：'),
    hash(mine.committed),
    foreign ? h('p', { className: 'card bad' }, '这个指纹不是这部手机提交的！请立即告诉工作人员。') : '',
    value && !foreign ? h('p', { className: 'quiet' }, '数值保存在这部手机里。可以锁屏或关掉页面，揭晓时重新打开同一链接。') : h('p', { className: 'quiet' }, '请收好抄下的数值，揭晓时要用。'),
    h('p', { className: 'quiet' }, '截止以后，这一页会请您揭晓。'),
  ]
}

function list() {
  const text = `${mine.commitment}\n${mine.list.map((w) => `${w.name} ${w.committed}\n`).join('')}`
  const right = sha256(text) === mine.list_sha256
  return [
    h('h2', {}, '已截止的名单'),
    h('p', { className: right ? 'good' : 'card bad' }, right ? `✓ 本机核对过：名单共 ${mine.list.length} 人，指纹如下` : '名单与它的指纹不符！请立即告诉工作人员。'),
    hash(mine.list_sha256),
    h('ol', { className: 'list' }, ...mine.list.map((w) => h('li', { className: w.name === mine.name ? 'me' : '' }, h('strong', {}, w.name), h('span', { className: 'mono' }, w.value ?? `${w.committed.slice(0, 16)}…`)))),
  ]
}

function reveal() {
  const value = kept()
  const usable = value && own(value) === mine.committed
  const field = h('input', { id: 'value', className: 'mono', maxLength: 64, autocomplete: 'off', spellcheck: false })
  field.setAttribute('autocapitalize', 'none')
  const send = () => {
    const said = usable ? value : field.value.trim()
    if (!usable && own(said) !== mine.committed) {
      problem = '这个数值与您提交的指纹不符，请核对大小写和连字符'
      return draw(true)
    }
    void act('/reveal', { value: said })
  }
  return [
    h('h2', {}, '现在请揭晓您的数值'),
    usable ? h('p', { className: 'value mono' }, value) : h('p', { className: 'card warn' }, terminal ? '请输入纸条上抄下的数值。' : '这部手机上没有您的数值，可能换了手机、换了浏览器或清除过数据。抄下过的话请输入；实在找不到，请告诉工作人员，会公开记为“未揭晓”，不影响抽取继续。'),
    usable ? '' : h('label', { htmlFor: 'value' }, '您的数值'),
    usable ? '' : field,
    button('揭晓', send),
  ]
}

function body() {
  if (mine.void_reason) return [h('p', { className: 'card bad' }, `这次抽取已经作废：${mine.void_reason}`)]
  if (mine.state === 'revealed') return [h('p', { className: 'done' }, '✓ 您的数值已揭晓，谢谢见证'), h('p', { className: 'value mono' }, mine.value), ...list()]
  if (mine.state === 'withheld') return [h('p', { className: 'card warn' }, '您的数值记为“未揭晓”，写进公开的种子文件。'), ...list()]
  if (mine.must_be_void) return [h('p', { className: 'card bad' }, '约定的随机数已经产生，不能再提交或揭晓：这次抽取须作废。')]
  if (mine.draw_state === 'committed') return mine.state === 'entered' ? handIn() : waiting()
  if (mine.draw_state === 'closed' && mine.state === 'committed') return [...reveal(), ...list()]
  if (mine.list_sha256) return [h('p', { className: 'card warn' }, '名单已经截止，您没有在截止前提交指纹，所以不在名单里。您仍可在大屏幕上看完整个过程。'), ...list()]
  return [h('p', { className: 'card' }, '名单还没有封存，请稍候；这一页会自己更新。')]
}

function draw(force) {
  const text = JSON.stringify([mine, problem, busy])
  if (!force && text === shown) return
  shown = text
  const focused = document.activeElement?.id
  const open = [...main.querySelectorAll('details[open] > summary')].map((s) => s.id)
  main.replaceChildren(
    h('p', { className: 'quiet' }, mine.number),
    h('h1', {}, `${mine.name}，您好`),
    h('p', { className: 'quiet' }, `见证人 · ${CAPACITY[mine.capacity]} · ${mine.title}`),
    problem ? h('p', { className: 'card bad', role: 'alert' }, problem) : '',
    h('section', { className: 'card' }, ...body()),
    sample(h, code, mine, () => draw(true)),
    mine.commitment ? h('details', {}, h('summary', { id: 'sealed' }, '封存指纹（应与大屏幕一致）'), hash(mine.commitment)) : '',
    h('p', { className: 'quiet' }, '姓名、指纹和揭晓的数值会写进公开的抽取档案。'),
    h('p', {}, h('a', { href: `/draws/${mine.draw}` }, '抽取的公开页面'), terminal ? '　' : '', terminal ? h('a', { href: '/w' }, '下一位见证人') : ''),
  )
  for (const s of main.querySelectorAll('summary')) s.parentElement.open = open.includes(s.id)
  if (focused) document.getElementById(focused)?.focus()
}

async function load() {
  if (busy) return
  try {
    const next = await ask('')
    if (busy) return
    mine = next
    if (!problem.includes('数值')) problem = ''
    draw(false)
  } catch (error) {
    if (mine) return
    main.replaceChildren(
      h('h1', {}, '打不开'),
      h('p', { className: 'card bad', role: 'alert' }, error instanceof TypeError ? '没有连上服务器，正在重试…' : error.message),
      h('p', {}, h('a', { href: '/w' }, '重新输入见证码')),
    )
  }
}

void load()
setInterval(() => document.visibilityState === 'visible' && void load(), POLL)
document.addEventListener('visibilitychange', () => document.visibilityState === 'visible' && void load())
