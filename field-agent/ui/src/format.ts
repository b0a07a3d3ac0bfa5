/** Times are shown in China time, whatever zone the tablet is set to. */
const ZONE = 'Asia/Shanghai'

function parts(ms: number): Record<string, string> {
  const format = new Intl.DateTimeFormat('zh-CN', {
    timeZone: ZONE,
    year: 'numeric',
    month: '2-digit',
    day: '2-digit',
    hour: '2-digit',
    minute: '2-digit',
    hourCycle: 'h23',
  })
  return Object.fromEntries(format.formatToParts(ms).map((part) => [part.type, part.value]))
}

/** Whether there is such a date (ECMA-262 §21.4.1.1): a false tablet writes any number. */
const isDate = (ms: number) => Math.abs(ms) <= 8.64e15

/** `11-24 14:05`; with `today` given and equal, only `14:05`. */
export function shortTime(ms: number, today: number = Date.now()): string {
  if (!isDate(ms)) return '—'
  const at = parts(ms)
  const now = parts(today)
  const clock = `${at.hour}:${at.minute}`
  if (at.year === now.year && at.month === now.month && at.day === now.day) return clock
  return at.year === now.year ? `${at.month}-${at.day} ${clock}` : `${at.year}-${at.month}-${at.day} ${clock}`
}

/** `2026年11月24日 14:05`. */
export function fullTime(ms: number): string {
  if (!isDate(ms)) return '—'
  const at = parts(ms)
  return `${longDate(`${at.year}-${at.month}-${at.day}`)} ${at.hour}:${at.minute}`
}

const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec']
const english = () => globalThis.document?.documentElement.lang === 'en'

/** `2026年11月24日` (24 Nov 2026 on English screens) of a China date `YYYY-MM-DD`. */
export function longDate(date: string): string {
  const [year, month, day] = date.split('-').map(Number)
  if (year && month && day && english()) return `${day} ${MONTHS[month - 1] ?? ''} ${year}`
  return year && month && day ? `${year}年${month}月${day}日` : date
}

/** `11-24` of a China date `YYYY-MM-DD`. */
export function shortDate(date: string): string {
  return date.slice(5) || date
}

/** Value of an `<input type="datetime-local">` in China time. */
export function toLocalInput(ms: number): string {
  if (!isDate(ms)) return ''
  const at = parts(ms)
  return `${at.year}-${at.month}-${at.day}T${at.hour}:${at.minute}`
}

export function fromLocalInput(text: string): number | undefined {
  const ms = Date.parse(`${text}:00+08:00`)
  return Number.isNaN(ms) ? undefined : ms
}

/** A district as people call it; a bare GB/T 2260 code says nothing to them. */
export function districtName(district: string): string {
  return /^\d+$/.test(district) ? '' : district
}

/** A number of bytes in the unit that people use for it. */
export function byteSize(bytes: number): string {
  if (bytes < 1024 ** 2) return `${Math.ceil(bytes / 1024)} KB`
  return bytes < 1024 ** 3 ? `${(bytes / 1024 ** 2).toFixed(1)} MB` : `${(bytes / 1024 ** 3).toFixed(1)} GB`
}

/** `1:05` of a length; an hour and more as `1:02:05`. */
export function clockTime(ms: number): string {
  const seconds = Math.round(ms / 1000)
  const pad = (n: number) => String(n).padStart(2, '0')
  const [hours, minutes] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60]
  return hours ? `${hours}:${pad(minutes)}:${pad(seconds % 60)}` : `${minutes}:${pad(seconds % 60)}`
}

/** Fen as yuan with two decimals. */
export function yuan(fen: number): string {
  return (fen / 100).toFixed(2)
}

/** A cell that holds money, in fen. */
export const isMoney = (path: string) => path.endsWith('_fen')

/** Yuan as typed, in fen; undefined when it is no amount. */
export function fen(text: string): number | undefined {
  const match = /^(\d{1,9})(?:[.．](\d{1,2}))?$/.exec(text.trim())
  if (!match) return undefined
  return Number(match[1]) * 100 + Number((match[2] ?? '').padEnd(2, '0'))
}

/** Degrees with five decimals, from 1e-7 degrees. */
export function degrees(e7: number): string {
  return (e7 / 1e7).toFixed(5)
}
