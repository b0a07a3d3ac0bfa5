// One headless Chromium for a test file, with the flags under which it behaves the same everywhere.
import { chromium } from 'playwright-core'

/** How long a page is waited for, ms: a busy machine is slow, and what never comes ends a test all the same. */
const PATIENCE = 60_000

const FLAGS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
]

/** A camera and a microphone: a moving test picture and a beep, or a film. */
const camera = (film, consent) => [
  '--use-fake-device-for-media-stream',
  ...(consent ? ['--use-fake-ui-for-media-stream'] : []),
  ...(film === true ? [] : [`--use-file-for-fake-video-capture=${film}`]),
]

/**
 * `film`: what its camera sees (a .y4m or .mjpeg file), or `true` for a test picture; without it there is
 * no camera. `consent`: pages need not ask for it.
 */
export async function openBrowser({ film, consent = true } = {}) {
  const more = film ? camera(film, consent) : []
  const browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium', args: [...FLAGS, ...more] })
  const open = browser.newContext.bind(browser)
  browser.newContext = async (options) => {
    const context = await open(options)
    context.setDefaultTimeout(PATIENCE)
    return context
  }
  return browser
}

/** Presses a button of the console and the same word in the question that follows; ends when the server has answered. */
export async function surely(page, name) {
  await page.getByRole('button', { name, exact: true }).first().click()
  const answered = page.waitForResponse((response) => response.request().method() !== 'GET')
  await page.locator('.el-message-box').getByRole('button', { name, exact: true }).click()
  await answered
}
