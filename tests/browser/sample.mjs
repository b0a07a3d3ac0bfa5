// Small fictitious registers as spreadsheets, made here so that a test needs nothing else.

const ALPHABET = '0123456789ABCDEFGHJKLMNPQRTUWXY'

/** A unified social credit code (GB 32100-2015) with its check digit. */
function creditCode(n) {
  const body = `91440300MA5X${String(n).padStart(5, '0')}`
  const sum = [...body].reduce((s, c, i) => s + ALPHABET.indexOf(c) * (3 ** i % 31), 0)
  return body + ALPHABET[(31 - (sum % 31)) % 31]
}

const csv = (rows) => Buffer.from(rows.map((r) => r.join(',')).join('\n') + '\n')

export function objects(n) {
  const districts = ['福田区', '罗湖区', '南山区']
  const rows = Array.from({ length: n }, (_, i) => [`示例商行${i + 1}号`, creditCode(i), `深圳市示例路${i + 1}号`, districts[i % 3], 'ABCD'[i % 4]])
  return csv([['企业名称', '统一社会信用代码', '地址', '辖区', '风险等级'], ...rows])
}

export function inspectors(n) {
  const rows = Array.from({ length: n }, (_, i) => [`检查员${i + 1}`, `SL2026${String(i).padStart(4, '0')}`, '2099-12-31', '市场监督管理局（示例）', 'scjg', '示例科'])
  return csv([['姓名', '执法证号', '证件有效期', '部门', '部门编码', '工作单位'], ...rows])
}

export function items() {
  const points = ['亮照亮证经营', '过期食品及时清理', '从业人员健康证明']
  const rows = points.map((p, i) => ['SP-01', '食品销售监督检查', '市场监督管理局（示例）', 'scjg', '《中华人民共和国食品安全法》', String(i + 1), p, '判断'])
  return csv([['事项编码', '事项名称', '部门', '部门编码', '检查依据', '要点序号', '检查要点', '答案类型'], ...rows])
}
