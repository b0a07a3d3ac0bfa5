// What a page looks like, measured in the browser: contrast of controls, sizes of what is tapped, text
// that overlaps, is cut off, or leaves one character alone on a line.
import { mkdir, readFile } from 'node:fs/promises'

const AXE = await readFile(new URL('../../node_modules/axe-core/axe.min.js', import.meta.url), 'utf8')

/** Rules that axe finds broken, each with the first elements, in a line each. */
export async function axe(page, options) {
  if (!(await page.evaluate(() => 'axe' in window))) await page.evaluate(AXE)
  return page.evaluate(async (options) => {
    const { violations } = await window.axe.run(document, { resultTypes: ['violations'], ...options })
    return violations.map((v) => `${v.id}: ${v.nodes.slice(0, 3).map((n) => `${n.html.slice(0, 110)} ${n.any[0]?.data?.contrastRatio ?? ''}`).join(' | ')}`)
  }, options)
}

export const wear = (page, theme, size) =>
  page.evaluate(([theme, size]) => Object.assign(document.documentElement.dataset, { theme, size }), [theme, size])

const WAYS = { upright: { width: 820, height: 1180 }, across: { width: 1180, height: 820 } }

/**
 * Rules that are broken in the largest letters, in each theme, upright and across; outdoors with the contrast
 * of 7:1. With `SHOTS` a picture of each lies in that folder.
 */
export async function inLargest(page, screen) {
  const bad = []
  for (const [way, view] of Object.entries(WAYS)) {
    await page.setViewportSize(view)
    for (const theme of ['day', 'outdoor', 'dark']) {
      await wear(page, theme, 'largest')
      const rules = { 'color-contrast-enhanced': { enabled: theme === 'outdoor' } }
      bad.push(...(await axe(page, { rules })).map((row) => `${screen}, ${theme} ${way}: ${row}`))
      await picture(page, `${screen} ${theme} ${way}`)
    }
  }
  await wear(page, 'day', 'normal')
  await page.setViewportSize(WAYS.upright)
  await picture(page, screen)
  return bad
}

/** Of all that a screen holds, but for sheets, which scroll in themselves. */
async function picture(page, name) {
  if (!process.env.SHOTS) return
  await mkdir(process.env.SHOTS, { recursive: true })
  const fullPage = !(await page.locator('dialog[open]').count())
  await page.waitForTimeout(200)
  await page.screenshot({ path: `${process.env.SHOTS}/${name.replaceAll(/\W+/g, '-')}.png`, fullPage })
}

/** Runs one of the measures below in the page, over what is in front. */
export const look = (page, measure, ...rest) =>
  page.evaluate(`(${tools})(${JSON.stringify(measure)}, ${JSON.stringify(rest)})`)

/** Runs in the page. */
function tools(measure, rest) {
  const front = document.querySelector('dialog[open]') ?? document.body
  const name = (e) => `${e.tagName.toLowerCase()}.${[...e.classList].join('.')} "${(e.innerText || e.getAttribute('aria-label') || '').slice(0, 24)}"`
  const shown = (e) => e.checkVisibility({ checkOpacity: true, checkVisibilityCSS: true, contentVisibilityAuto: true }) && e.getBoundingClientRect().width > 1
  const controls = () =>
    [...front.querySelectorAll('button, a[href], input, textarea, select, [role=switch]')].filter((e) => shown(e) && !e.disabled)

  const rgb = (text) => {
    const [r, g, b, a = 1] = text.match(/[\d.]+/g).map(Number)
    return [r, g, b, a]
  }
  const light = ([r, g, b]) => {
    const [x, y, z] = [r, g, b].map((c) => ((c /= 255) <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4))
    return 0.2126 * x + 0.7152 * y + 0.0722 * z
  }
  const ratio = (a, b) => {
    const [x, y] = [light(a), light(b)].sort((p, q) => q - p)
    return (x + 0.05) / (y + 0.05)
  }
  const ground = (e) => {
    for (let at = e; at; at = at.parentElement) {
      const colour = rgb(getComputedStyle(at).backgroundColor)
      if (colour[3] > 0.99) return colour
    }
    return [255, 255, 255, 1]
  }

  const measures = {
    /** Controls whose border, ground or word does not stand out from what is around by `least`:1. */
    faint(least) {
      return controls().flatMap((e) => {
        const style = getComputedStyle(e)
        const around = ground(e.parentElement)
        const own = ground(e)
        const edges = [own]
        if (parseFloat(style.borderTopWidth) > 0) edges.push(rgb(style.borderTopColor))
        const shadow = /inset|0px 0px 0px/.test(style.boxShadow) && style.boxShadow.match(/rgba?\([^)]*\)/)
        if (shadow) edges.push(rgb(shadow[0]))
        const box = e.closest('.box, .search, label')
        if (box && box !== e) edges.push(...['borderTopColor', 'color', 'backgroundColor'].map((edge) => rgb(getComputedStyle(box)[edge])))
        // A control without a box is known by its word or sign.
        if (e.innerText?.trim() || e.querySelector('svg')) edges.push(rgb(style.color))
        const best = Math.max(...edges.map((edge) => ratio(edge, around)))
        return best < least ? [`${name(e)} ${best.toFixed(2)}`] : []
      })
    },
    /** Controls smaller than `least` CSS pixels in either direction, answers below `answers`. */
    small(least, answers) {
      return controls().flatMap((e) => {
        const target = e.closest('label') ?? e.closest('.box') ?? e
        const { width, height } = target.getBoundingClientRect()
        const wanted = e.getAttribute('role') === 'radio' ? answers : least
        return width < wanted - 0.5 && !e.closest('p') || height < wanted - 0.5 ? [`${name(e)} ${Math.round(width)}×${Math.round(height)}`] : []
      })
    },
    /** Sideways scrolling, cut words, controls one over the other, a character alone on its line. */
    crowded() {
      const bad = []
      if (document.documentElement.scrollWidth > innerWidth) bad.push(`page is ${document.documentElement.scrollWidth} wide in ${innerWidth}`)
      const floating = (e) => e.closest('.bar, .rail, dialog') !== front.closest('dialog') && e.closest('.bar, .rail')
      const list = controls().filter((e) => !floating(e) && !e.closest('label.add') && getComputedStyle(e).opacity !== '0')
      const boxes = list.map((e) => e.getBoundingClientRect())
      list.forEach((e, i) => {
        const a = boxes[i]
        for (let j = i + 1; j < list.length; j++) {
          const b = boxes[j]
          const wide = Math.min(a.right, b.right) - Math.max(a.left, b.left)
          const high = Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top)
          if (wide > 1 && high > 1 && !e.contains(list[j]) && !list[j].contains(e)) bad.push(`${name(e)} lies over ${name(list[j])}`)
        }
        if (a.right > innerWidth + 1 && !e.closest('.rail, .chips')) bad.push(`${name(e)} hangs over the edge`)
        if (e.scrollWidth > e.clientWidth + 2 && !/INPUT|TEXTAREA|SELECT/.test(e.tagName) && e.clientWidth > 0) bad.push(`${name(e)} is cut`)
      })
      const walker = document.createTreeWalker(front, NodeFilter.SHOW_TEXT)
      for (let node = walker.nextNode(); node; node = walker.nextNode()) {
        const text = node.data
        const block = node.parentElement
        if (text.trim().length < 3 || !shown(block) || block.closest('.visually-hidden, option')) continue
        const lines = new Map()
        const range = document.createRange()
        for (let i = 0; i < text.length; i++) {
          range.setStart(node, i)
          range.setEnd(node, i + 1)
          const { top, width } = range.getBoundingClientRect()
          if (width === 0 || /[\s\u200b]/.test(text[i])) continue
          const line = Math.round(top)
          lines.set(line, (lines.get(line) ?? '') + text[i])
        }
        if (lines.size < 2) continue
        // Text that goes on after an element in the middle of it is judged with its neighbours.
        const mixed = block.childNodes.length > 1 && [...block.childNodes].some((c) => c !== node && c.nodeType === 1 && getComputedStyle(c).display.startsWith('inline') && c.tagName !== 'BR' && c.innerText?.trim())
        if (mixed) continue
        for (const line of lines.values()) if (/^[\u4e00-\u9fff][，。；：、）”！？]?$/u.test(line)) bad.push(`"${line}" alone of "${text.trim().slice(0, 30)}"`)
      }
      return bad
    },
    /** Runs of Chinese on the screen that are not in `data` and not marked as Chinese. */
    chinese(data) {
      const found = []
      const judge = (text) => {
        for (const run of text.match(/[\u4e00-\u9fff]+/g) ?? []) if (!data.includes(run)) found.push(text.trim().slice(0, 60))
      }
      const walker = document.createTreeWalker(front, NodeFilter.SHOW_TEXT)
      for (let node = walker.nextNode(); node; node = walker.nextNode())
        if (!node.parentElement.closest('[lang=zh-CN]:not(html), script, style')) judge(node.data)
      for (const e of front.querySelectorAll('[aria-label], [placeholder], [alt], [title]'))
        if (!e.closest('[lang=zh-CN]:not(html)')) for (const at of ['aria-label', 'placeholder', 'alt', 'title']) judge(e.getAttribute(at) ?? '')
      return [...new Set(found)]
    },
  }
  return measures[measure](...rest)
}
