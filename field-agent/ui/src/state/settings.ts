import { reactive, watch } from 'vue'

const sizes = ['normal', 'large', 'largest'] as const
const themes = ['day', 'outdoor', 'dark'] as const
const locales = ['zh-CN', 'en'] as const

/** How this tablet shows things. Kept by the browser: it is no part of any record. */
export interface Settings {
  size: (typeof sizes)[number]
  theme: (typeof themes)[number]
  locale: (typeof locales)[number]
  /** The guide was read or skipped. */
  guided: boolean
}

const KEY = 'double-random-tablet'

function stored(): Partial<Settings> {
  try {
    return JSON.parse(localStorage.getItem(KEY) ?? '{}') as Partial<Settings>
  } catch {
    return {}
  }
}

/** The word if it is one of `words`, else the first of them. */
export function oneOf<T extends string>(words: readonly T[], word: unknown): T {
  return words.find((one) => one === word) ?? (words[0] as T)
}

const kept = stored()

export const settings = reactive<Settings>({
  size: oneOf(sizes, kept.size),
  theme: oneOf(themes, kept.theme),
  locale: oneOf(locales, kept.locale),
  guided: kept.guided === true,
})

/** What can be chosen, in the order in which it is offered. */
export const choicesOf = { size: sizes, theme: themes, locale: locales }

export function applySettings() {
  watch(
    settings,
    (now) => {
      document.documentElement.dataset.size = now.size
      document.documentElement.dataset.theme = now.theme
      document.documentElement.lang = now.locale
      localStorage.setItem(KEY, JSON.stringify(now))
    },
    { immediate: true },
  )
}
