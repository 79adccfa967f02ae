/** How this browser shows the pages: language, light or dark, large type. Kept here; an account's language follows it. */

import { defineStore } from 'pinia'
import { watch } from 'vue'
import { LOCALES, setLocale, type Locale } from '@/i18n'
import { pinia } from './pinia'
import { local } from './storage'

export type Theme = 'auto' | 'light' | 'dark'

interface Preferences {
  locale: Locale
  theme: Theme
  /** 适老: larger type, larger targets. */
  large: boolean
}

const KEY = 'haoyuan.preferences'
const darkness = window.matchMedia('(prefers-color-scheme: dark)')

function read(): Preferences {
  const first: Preferences = { locale: navigator.language.startsWith('zh') ? 'zh-CN' : 'en', theme: 'auto', large: false }
  try {
    const kept = JSON.parse(local.getItem(KEY) ?? '{}') as Partial<Preferences>
    const locale = LOCALES.find((l) => l === kept.locale) ?? first.locale
    const theme = (['auto', 'light', 'dark'] as const).find((x) => x === kept.theme) ?? 'auto'
    return { locale, theme, large: kept.large === true }
  } catch {
    return first
  }
}

export const preferences = defineStore('preferences', { state: read })(pinia)

/** Whether somebody has chosen anything in this browser: before that, an account brings its own language along. */
export function isChosen(): boolean {
  return local.getItem(KEY) !== null
}

export function isDark(): boolean {
  return preferences.theme === 'dark' || (preferences.theme === 'auto' && darkness.matches)
}

function apply(): void {
  setLocale(preferences.locale)
  const root = document.documentElement.classList
  root.toggle('dark', isDark()) // Element Plus's name for it, and ours
  root.toggle('van-theme-dark', isDark())
  root.toggle('large', preferences.large)
}

// chosen in another tab
window.addEventListener('storage', ({ key }) => {
  if (key === KEY) preferences.$patch(read())
})
darkness.addEventListener('change', apply)
watch(
  () => preferences.$state,
  (chosen) => {
    local.setItem(KEY, JSON.stringify(chosen))
    apply()
  },
  { deep: true, flush: 'sync' },
)
apply()
