// The big screen: shows one thing at a time, from what the server tells. No state of its own but the
// step that somebody turned back to with the arrow keys, so a reload shows the same.
const draw = document.body.dataset.draw
const scene = document.getElementById('scene')
const why = document.getElementById('why')
const line = document.getElementById('line')

const SEED_SECONDS = 12
const ROW_SECONDS = 2
const ROWS_ON_SCREEN = 8
const ROWS_SHOWN = 40
const POLL_SECONDS = 3

let hall
let skew = 0
let shown = ''
let turned = 0
let events

function h(tag, name, ...children) {
  const node = document.createElement(tag)
  if (name) node.className = name
  node.append(...children.filter((c) => c !== undefined && c !== null && c !== ''))
  return node
}

const groups = (hash, size = 8) => hash.match(new RegExp(`.{1,${size}}`, 'g')) ?? []
const serverNow = () => Date.now() + skew
const two = (n) => String(n).padStart(2, '0')

function hash(text, name = '') {
  const node = h('p', `hash ${name}`, ...groups(text).map((g) => h('span', '', g)))
  node.setAttribute('aria-label', text)
  return node
}

/** 还有 02:15, or 还有 3 天 04:10:22; nothing once the moment has come. */
function left(until) {
  const seconds = Math.ceil((until - serverNow()) / 1000)
  if (seconds <= 0) return ''
  const [d, hours, m, s] = [Math.floor(seconds / 86400), Math.floor(seconds / 3600) % 24, Math.floor(seconds / 60) % 60, seconds % 60]
  const clock = hours || d ? `${two(hours)}:${two(m)}:${two(s)}` : `${two(m)}:${two(s)}`
  return d ? `${d} 天 ${clock}` : clock
}

function countdown(until, before, name = '') {
  const node = h('p', `countdown ${name}`)
  node.dataset.until = until
  node.dataset.before = before
  return node
}

function tick() {
  for (const node of document.querySelectorAll('.countdown')) {
    const rest = left(Number(node.dataset.until))
    node.replaceChildren(rest ? h('span', 'before', node.dataset.before) : '', rest ? h('strong', '', rest) : '')
    node.hidden = !rest
  }
}

const CAPACITY = {
  deputy: '人大代表、政协委员',
  discipline: '纪检监察人员',
  notary: '公证人员',
  third_party: '第三方机构代表',
  trade: '行业、企业代表',
  media: '新闻媒体',
  public: '社会公众',
}
const WITNESS = {
  entered: ['○', '等待提交'],
  committed: ['●', '已交指纹'],
  revealed: ['✓', '已揭晓'],
  withheld: ['—', '未揭晓'],
}

function witnesses() {
  const closed = hall.state !== 'committed'
  const list = hall.witnesses.filter((w) => !closed || w.committed)
  const size = list.length > 12 ? 'many' : list.length > 6 ? 'some' : 'few'
  return h(
    'ul',
    `witnesses ${size}`,
    ...list.map((w) => {
      const [mark, word] = WITNESS[w.state]
      const text = w.value ?? (w.committed ? `${w.committed.slice(0, 8)} ${w.committed.slice(8, 16)}…` : '')
      return h('li', w.state, h('strong', '', w.name), h('span', 'capacity', CAPACITY[w.capacity]), h('span', 'mono', text), h('span', 'mark', `${mark} ${word}`))
    }),
  )
}

function commitmentScene() {
  const frame = hall.objects === null ? '' : `名单 ${hall.objects} 户，将抽取 ${hall.to_draw} 户；可抽执法检查人员 ${hall.inspectors} 名`
  return h('section', 'commitment', h('h2', '', '封存指纹'), hash(hall.commitment, 'large'), h('p', 'say', frame), h('p', 'say', '请拍照留存：名单和规则从此一个字也改不了。'), countdown(hall.ceremony_at, '距离抽取开始', ''))
}

function witnessScene() {
  const handed = hall.witnesses.filter((w) => w.committed).length
  const open = hall.state === 'committed'
  return h(
    'section',
    'handing',
    h('h2', '', open ? `见证人提交指纹　${handed} / ${hall.witnesses.length}` : '见证人揭晓数值'),
    open ? '' : h('p', 'say', '名单的指纹'),
    open ? '' : hash(hall.witness_list_sha256 ?? '', 'small'),
    witnesses(),
    hall.drand_at && !open ? countdown(hall.drand_at - 60_000, '须在此之前全部揭晓', 'aside') : '',
  )
}

function diceScene() {
  const last = hall.thrown.at(-1)
  const cells = Array.from({ length: hall.rolls }, (_, i) => {
    const roll = hall.thrown[i]
    const name = !roll ? 'die' : `die thrown${i === hall.thrown.length - 1 ? ' last' : ''}`
    const was = roll?.mistakes.length ? h('s', '', roll.mistakes.map((m) => m.value).join(' ')) : ''
    return h('li', name, was, h('strong', '', roll ? String(roll.value) : ''))
  })
  const title = last ? `第 ${last.roll} 次　共 ${hall.rolls} 次` : `当众掷 ${hall.sides} 面骰 ${hall.rolls} 次`
  return h('section', 'dice', h('h2', '', title), last ? h('p', 'huge', String(last.value)) : '', h('ol', 'rolls', ...cells))
}

function drandScene() {
  const came = serverNow() >= hall.drand_at
  return h(
    'section',
    'drand',
    h('h2', '', '公共随机信标 drand'),
    h('p', 'round', `第 ${hall.drand_round} 轮`),
    came ? h('p', 'wait', '这一轮已经产生，正在取得并核对签名…') : countdown(hall.drand_at, '距离产生', 'big'),
    h('p', 'say', '由世界各地十几家独立机构共同产生，事前谁也不知道，事后人人能核对。'),
  )
}

function seedScene() {
  const source = hall.drand_round ? `drand 第 ${hall.drand_round} 轮` : `骰子 ${hall.thrown.map((r) => r.value).join(' ')}`
  return h('section', 'seed', h('h2', '', '随机种子'), hash(hall.seed, 'large'), h('p', 'say', `由封存指纹、${hall.witnesses.filter((w) => w.committed).length} 位见证人的数值、服务器随机数和 ${source} 合成`))
}

function rowNode(r, fresh) {
  const who = r.name
    ? [h('strong', 'name', r.name), h('span', 'team', r.names.join('、'))]
    : [h('span', 'mono id', `${r.object.slice(0, 8)} ${r.object.slice(8, 16)}`), h('span', 'mono team', r.team.map((id) => id.slice(0, 8)).join('　'))]
  return h('li', fresh ? 'fresh' : '', h('span', 'rank', String(r.rank)), h('span', 'mono ticket', `${r.ticket.slice(0, 8)} ${r.ticket.slice(8, 12)}`), ...who)
}

function resultScene(count) {
  const from = Math.max(0, count - ROWS_ON_SCREEN)
  const rows = hall.result.slice(from, count)
  const head = hall.named ? ['名次', '签号', '检查对象', '检查组'] : ['名次', '签号', '对象代号（未到公开日期）', hall.result.some((r) => r.team.length) ? '检查人员代号' : '']
  return h(
    'section',
    'result',
    h('h2', '', `签号从小到大　第 ${count} 户，共抽中 ${hall.drawn} 户`),
    h('div', 'head', ...head.map((t) => h('span', '', t))),
    h('ol', 'rows', ...rows.map((r, i) => rowNode(r, from + i === count - 1))),
  )
}

function verifyScene() {
  const code = h('img', 'qr')
  code.src = `/api/public/draws/${draw}/verify.svg`
  code.alt = `核对网址 ${document.body.dataset.verify}`
  const when = hall.public ? '扫码，用自己的手机重新算一遍' : `${hall.public_from === 'draw' ? '抽取以后' : hall.public_from} 起，可用自己的手机重新算一遍`
  return h(
    'section',
    'verify',
    h('div', 'text', h('h2', '', `抽中 ${hall.drawn} 户`), h('p', 'say big', when), h('p', 'address mono', document.body.dataset.verify), hash(hall.seed, 'small')),
    code,
  )
}

function voidScene() {
  return h('section', 'void', h('h2', '', '这次抽取已经作废'), h('p', 'say big', hall.void_reason ?? ''), hall.commitment ? hash(hall.commitment, 'small') : '')
}

function tooLateScene() {
  return h('section', 'void', h('h2', '', '这次抽取必须作废'), h('p', 'say big', `约定的 drand 第 ${hall.drand_round} 轮产生之前，数值没有及时揭晓。`))
}

/** The scenes up to now, the newest last; each has a key that says whether it changed. */
function scenes() {
  const all = []
  const add = (key, build) => all.push({ key, build })
  if (hall.commitment) add(`commitment ${hall.objects}`, commitmentScene)
  const handed = hall.witnesses.some((w) => w.committed) || hall.state !== 'committed'
  if (hall.commitment && hall.witnesses.length && handed) add(`witnesses ${JSON.stringify([hall.state === 'committed', hall.witnesses])}`, witnessScene)
  if (hall.must_be_void && hall.state !== 'void') add('late', tooLateScene)
  if (hall.revealed_at && !hall.drand_round) add(`dice ${JSON.stringify(hall.thrown)}`, diceScene)
  if (hall.revealed_at && hall.drand_round) add(`drand ${serverNow() >= hall.drand_at}`, drandScene)
  if (hall.seed) {
    add('seed', seedScene)
    const most = Math.min(hall.result.length, ROWS_SHOWN)
    const since = (serverNow() - hall.drawn_at) / 1000 - SEED_SECONDS
    const count = Math.min(most, Math.floor(since / ROW_SECONDS) + 1)
    if (count > 0) add(`result ${count} ${hall.named}`, () => resultScene(count))
    if (since > most * ROW_SECONDS + 2 * ROW_SECONDS) add(`verify ${hall.public}`, verifyScene)
  }
  if (hall.state === 'void') add('void', voidScene)
  return all
}

const WHY = {
  committed: '名单和规则已经封存，随机种子还不存在：现在没有人能知道、也没有人能挑选结果。',
  closed: '每位见证人早已交出自己数值的指纹，谁也不能看了别人的再改；最后的随机来源还没有出现。',
  revealed: '所有数值都已揭晓，只差最后一个来源：它谁也控制不了，所以服务器和见证人即使串通也选不了结果。',
  drawn: '结果由封存的名单和种子唯一算出：谁都可以用自己的电脑或手机重算一遍。',
  dispatched: '结果由封存的名单和种子唯一算出：谁都可以用自己的电脑或手机重算一遍。',
  void: '作废的抽取保留编号和理由，永久公示，并与后续抽取并列：不能抽到满意为止。',
}

function render() {
  if (!hall) return
  const all = scenes()
  const at = Math.max(0, all.length - 1 - turned)
  const now = all[at]
  if (now && now.key !== shown) {
    shown = now.key
    scene.replaceChildren(now.build())
  }
  why.textContent = hall.must_be_void ? '随机数可能已被人知道：继续下去就可能有人挑选结果，所以规则要求作废。' : (WHY[hall.state] ?? '')
  tick()
}

function got(next) {
  skew = next.now - Date.now()
  hall = next
  render()
}

function say(kind, text) {
  line.className = kind
  line.textContent = text
}

// When the server last answered a question: as long as it does, only the stream is lost.
let answered = 0

async function poll() {
  try {
    const answer = await fetch(`/api/public/draws/${draw}/hall`, { cache: 'no-store' })
    if (!answer.ok) throw new Error(String(answer.status))
    got(await answer.json())
    answered = Date.now()
    if (events?.readyState !== EventSource.OPEN) say('poll', '◐ 定时刷新')
  } catch {
    say('lost', '○ 连接中断，正在重试')
  }
}

function listen() {
  events?.close()
  events = new EventSource(`/api/public/draws/${draw}/events`)
  events.addEventListener('hall', (event) => {
    got(JSON.parse(event.data))
    say('live', '● 实时')
  })
  events.onerror = () => {
    if (Date.now() - answered > 2 * POLL_SECONDS * 1000) say('lost', '○ 连接中断，正在重试')
  }
}

listen()
setInterval(render, 250)
setInterval(() => {
  if (events.readyState !== EventSource.OPEN) void poll()
}, POLL_SECONDS * 1000)
// A refused stream is not tried again by the browser itself.
setInterval(() => {
  if (events.readyState === EventSource.CLOSED) listen()
}, 30_000)

// Whoever stands at the projector can turn back and forth; End leads to now.
addEventListener('keydown', (event) => {
  const most = hall ? scenes().length - 1 : 0
  if (event.key === 'ArrowLeft' || event.key === 'PageUp') turned = Math.min(most, turned + 1)
  else if (event.key === 'ArrowRight' || event.key === 'PageDown') turned = Math.max(0, turned - 1)
  else if (event.key === 'End') turned = 0
  else if (event.key === 'f') void document.documentElement.requestFullscreen?.()
  else return
  render()
})
