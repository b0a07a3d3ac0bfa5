import type { CheckSheet, Missing, Signer } from '../api/types'
import { i18n } from '../i18n'

/** What names of things in a record are looked up in. */
export interface Known {
  sheets: CheckSheet[]
  signers: Signer[]
}

/** A cell by its name, such as "Fire safety · point 3 · answer". */
function cellName(path: string, { sheets }: Known): string {
  const { t, te } = i18n.global
  const [kind = '', first = '', second = '', field = ''] = path.split('/')
  const sheet = sheets.find((one) => one.item === first)
  if (kind === 'point') {
    const no = sheet?.points.find((one) => one.point === second)?.no ?? second
    return t('cell.point', { item: sheet?.name ?? first, no, field: t(field === 'note' ? 'cell.note' : 'cell.answer') })
  }
  if (kind === 'result') {
    const what = te(`result.${second}`) ? t(`result.${second}`) : t('cell.note')
    return t('cell.result', { item: sheet?.name ?? first, what })
  }
  if (kind === 'visit') return te(`cell.${first}`) ? t(`cell.${first}`) : t('cell.place')
  return te(`cell.${kind}`) ? t(`cell.${kind}`) : t('cell.other')
}

/** What is missing, in words: the agent's own in Chinese, by its code in other languages. */
export function missingText(row: Missing, known: Known): string {
  const { t, te, locale } = i18n.global
  if (locale.value === 'zh-CN') return row.text
  const { item, point, path, person } = row.place
  const sheet = known.sheets.find((one) => one.item === item)
  const code = row.code === 'note_missing' && !point ? 'result_note_missing' : row.code
  return t(`missing.${te(`missing.${code}`) ? code : 'other'}`, {
    item: sheet?.name ?? '',
    no: sheet?.points.find((one) => one.point === point)?.no ?? '',
    what: path ? cellName(path, known) : '',
    name: known.signers.find((one) => one.person === person)?.name ?? '',
  })
}
