/** What the console's enrolment QR says. */
export interface Enrolment {
  server?: string
  code: string
}

/** A code as it is read out: letters and digits, in groups. */
const CODE = /^[A-Za-z0-9][A-Za-z0-9 -]{5,39}$/

/** Server and code from the QR of the console, or a code alone; undefined for anything else. */
export function enrolmentOf(text: string): Enrolment | undefined {
  const plain = text.trim()
  if (CODE.test(plain)) return { code: plain }
  try {
    const url = new URL(plain)
    const code = new URLSearchParams(url.hash.slice(1)).get('enrol') ?? ''
    const web = url.protocol === 'https:' || url.protocol === 'http:'
    return web && CODE.test(code) ? { server: url.origin, code } : undefined
  } catch {
    return undefined
  }
}
