import { createI18n } from 'vue-i18n'
import en from './en'
import zh from './zh-CN'

export type Language = 'zh-CN' | 'en'

const KEY = 'double-random.language'

/** The language chosen on this machine; Chinese unless somebody chose otherwise. */
export function language(): Language {
  return localStorage.getItem(KEY) === 'en' ? 'en' : 'zh-CN'
}

export function chooseLanguage(to: Language): void {
  localStorage.setItem(KEY, to)
  location.reload()
}

export const i18n = createI18n({
  legacy: false,
  locale: language(),
  fallbackLocale: 'zh-CN',
  messages: { 'zh-CN': zh, en },
  missingWarn: false,
  fallbackWarn: false,
})

document.documentElement.lang = language()
