// `bench browser_verify_200k_s VALUE s`: a transcript of 200,000 objects, verified on the portal's page in a browser,
// from the choice of the file to the verdict.
import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openBrowser } from './browser.mjs'
import { startOffice } from './office.mjs'

const ROOT = new URL('../../', import.meta.url).pathname
const folder = mkdtempSync(join(tmpdir(), 'double-random-verify-'))
const transcript = join(folder, 'transcript.zip')
let office, browser
try {
  const make = process.env.MAKE_TRANSCRIPT ?? join(ROOT, 'target/release/examples/make_transcript')
  execFileSync(make, ['200000', transcript])
  office = await startOffice()
  browser = await openBrowser()
  const page = await browser.newPage()
  await page.goto(`${office.url}/verify`)
  await page.locator('#verify button').first().waitFor()
  const from = performance.now()
  await page.locator('input[type=file]').setInputFiles(transcript)
  await page.locator('#verdict h2').waitFor({ timeout: 120_000 })
  const seconds = (performance.now() - from) / 1000
  const says = await page.locator('#verdict h2').innerText()
  if (says !== '核对通过') throw new Error(await page.locator('#verdict').innerText())
  console.log(`bench browser_verify_200k_s ${seconds.toFixed(2)} s`)
} finally {
  await browser?.close()
  await office?.stop()
  rmSync(folder, { recursive: true, force: true })
}
