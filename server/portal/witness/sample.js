// The witness's sample: who is behind some of the blinded ids. The hash is computed on this telephone; once
// the lists are public they are searched here as well. Who was drawn is no part of it.
import { sha256 } from '/sha256.js'

let told
let asked = false
let lists

async function text(path) {
  const answer = await fetch(path, { cache: 'no-store' })
  return answer.ok ? answer.text() : undefined
}

/** Asks once; `done` is called when there is something new to show. */
async function load(code, draw, done) {
  if (asked) return
  asked = true
  try {
    const answer = await fetch(`/api/w/${code}/sample`, { cache: 'no-store' })
    if (!answer.ok) throw new Error()
    told = await answer.json()
    done()
    if (!told.public || !told.rows.length) return
    const found = await Promise.all(['objects.csv', 'excluded.csv'].map((name) => text(`/api/public/draws/${draw}/lists/${name}`)))
    if (found.every((f) => f !== undefined)) lists = { objects: found[0], excluded: found[1] }
    done()
  } catch {
    // The page asks again with its next look at the draw.
    asked = false
  }
}

/** Whether the published lists say the same as the server: nothing while they are not here. */
function listed(row) {
  if (!lists) return undefined
  return row.in_frame ? lists.objects.includes(`,${row.blinded},`) : lists.excluded.includes(`object,${row.blinded},`)
}

function line(h, row) {
  const blinded = sha256(`${row.salt}\n${row.id}`)
  const same = blinded === row.blinded
  const there = listed(row)
  const where = row.in_frame ? '在名单内' : `封存时已排除：${row.ground}`
  return h('li', {},
    h('details', { className: 'sampled' },
      h('summary', { id: row.blinded }, h('strong', {}, row.name), h('span', { className: same && there !== false ? 'good' : 'bad' }, same ? `${there ? '✓ ' : ''}${there === false ? '名单里找不到！' : where}` : '指纹不符！')),
      h('p', { className: 'quiet' }, '编号'), h('p', { className: 'mono break' }, row.id),
      h('p', { className: 'quiet' }, '随机码'), h('p', { className: 'mono break' }, row.salt),
      h('p', { className: 'quiet' }, '本机算出的匿名编号'), h('p', { className: 'mono break' }, blinded),
      h('p', { className: same ? 'good' : 'bad' }, same ? '✓ 与名单里的匿名编号相同' : '与服务器给出的匿名编号不同！请立即告诉工作人员。'),
      there === undefined ? h('p', { className: 'quiet' }, `服务器说：${where}。名单公开以后，这一页会在本机再找一遍。`) : h('p', { className: there ? 'good' : 'bad' }, there ? `✓ 本机在公布的 ${row.in_frame ? 'objects.csv' : 'excluded.csv'} 里找到` : '公布的名单里没有这一串！请立即告诉工作人员。'),
    ))
}

/** The section of the page; empty until the draw has a result. */
export function sample(h, code, mine, redraw) {
  if (!['drawn', 'dispatched'].includes(mine.draw_state) || !mine.list_sha256) return ''
  void load(code, mine.draw, redraw)
  if (!told?.rows.length) return ''
  const right = told.rows.filter((r) => sha256(`${r.salt}\n${r.id}`) === r.blinded && listed(r) !== false).length
  return h('section', { className: 'card', id: 'sample' },
    h('h2', {}, '请您抽查名单'),
    h('p', {}, `名单里只有匿名编号。这 ${told.rows.length} 个对象由抽取的种子为您随机指定，谁也不能挑给您看：您可以核对它们真实存在，而且确实在封存的名单里。抽没抽中，这里不说。`),
    h('p', { className: right === told.rows.length ? 'good' : 'card bad', role: 'status' }, right === told.rows.length ? `✓ ${right} 个全部相符，由本机计算` : `${told.rows.length - right} 个不符！请立即告诉工作人员。`),
    h('ul', { className: 'plain samples' }, ...told.rows.map((r) => line(h, r))),
    h('p', { className: 'quiet' }, '随机码是这些对象自己的，请不要转给别人。'),
  )
}
