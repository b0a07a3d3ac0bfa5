import { reactive, watch } from 'vue'

/** How this tablet shows things. Kept by the browser: it is no part of any record. */
export interface Settings {
  size: 'normal' | 'large'
  theme: 'day' | 'outdoor'
  locale: 'zh-CN' | 'en'
}

const KEY = 'double-random-tablet'

function stored(): Partial<Settings> {
  try {
    return JSON.parse(localStorage.getItem(KEY) ?? '{}') as Partial<Settings>
  } catch {
    return {}
  }
}

const kept = stored()

export const settings = reactive<Settings>({
  size: kept.size === 'large' ? 'large' : 'normal',
  theme: kept.theme === 'outdoor' ? 'outdoor' : 'day',
  locale: kept.locale === 'en' ? 'en' : 'zh-CN',
})

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
