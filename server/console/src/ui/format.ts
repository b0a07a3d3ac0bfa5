const CHINA = 'Asia/Shanghai'

function parts(ms: number): Record<string, string> {
  const list = new Intl.DateTimeFormat('zh-CN', {
    timeZone: CHINA,
    year: 'numeric',
    month: '2-digit',
    day: '2-digit',
    hour: '2-digit',
    minute: '2-digit',
    second: '2-digit',
    hourCycle: 'h23',
  }).formatToParts(ms)
  return Object.fromEntries(list.map((p) => [p.type, p.value]))
}

/** Whether there is such a date (ECMA-262 §21.4.1.1): a false tablet writes any number. */
const isDate = (ms: number) => Math.abs(ms) <= 8.64e15

/** `2026-11-24 09:05` in China time; `at` in milliseconds since the Unix epoch. */
export function dateTime(at: number | null | undefined): string {
  if (at == null || !isDate(at)) return '—'
  const p = parts(at)
  return `${p.year}-${p.month}-${p.day} ${p.hour}:${p.minute}`
}

/** `11-24 09:05`, for lists in which the year is plain. */
export function shortTime(at: number | null | undefined): string {
  return dateTime(at).slice(5) || '—'
}

/** `09:05:07` in China time. */
export function clock(at: number): string {
  const p = parts(at)
  return `${p.hour}:${p.minute}:${p.second}`
}

/** `2026年11月24日` from `2026-11-24` or from milliseconds. */
export function longDate(date: string | number | null | undefined): string {
  if (date == null || date === '') return '—'
  const text = typeof date === 'number' ? dateTime(date).slice(0, 10) : date
  const [y, m, d] = text.split('-')
  return d === undefined ? text : `${y}年${Number(m)}月${Number(d)}日`
}

/** Today in China as `YYYY-MM-DD`. */
export function today(): string {
  return dateTime(Date.now()).slice(0, 10)
}

/** `18,836`. */
export function count(n: number | null | undefined): string {
  return n == null ? '—' : n.toLocaleString('zh-CN')
}

/** `5%`, `0.25%` from parts per million. */
export function ratio(ppm: number): string {
  return `${Number((ppm / 10_000).toFixed(4))}%`
}

/** `1.4 MB`. */
export function bytes(n: number | null | undefined): string {
  if (n == null) return '—'
  if (n < 1024) return `${n} B`
  const unit = n < 1024 ** 2 ? 'KB' : n < 1024 ** 3 ? 'MB' : 'GB'
  const by = unit === 'KB' ? 1024 : unit === 'MB' ? 1024 ** 2 : 1024 ** 3
  return `${(n / by).toFixed(n / by < 10 ? 1 : 0)} ${unit}`
}

/** `1:05` of a length in milliseconds; an hour and more as `1:02:05`. */
export function length(ms: number): string {
  const seconds = Math.round(ms / 1000)
  const pad = (n: number): string => String(n).padStart(2, '0')
  const [hours, minutes] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60]
  return hours ? `${hours}:${pad(minutes)}:${pad(seconds % 60)}` : `${minutes}:${pad(seconds % 60)}`
}

/** A hash in groups of eight, so that it can be read aloud and compared with a photograph. */
export function groups(hex: string): string[] {
  return hex.match(/.{1,8}/g) ?? []
}
