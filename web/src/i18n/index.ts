/** Two languages, zh-CN first. Each area brings its own messages when it is loaded; both languages must have the same ones. */

import type { Ref } from 'vue'
import { createI18n } from 'vue-i18n'
import { speak } from '@/api/send'
import { common } from './common'

export const LOCALES = ['zh-CN', 'en'] as const
export type Locale = (typeof LOCALES)[number]

interface Words {
  [key: string]: string | Words
}
type Alike<T> = { [K in keyof T]: T[K] extends string ? string : Alike<T[K]> }

export interface Both<T> {
  'zh-CN': T
  en: Alike<T>
}

/** Messages of an area, each key in both languages, which the compiler sees to. They are known once their module is loaded. */
export function both<const T extends Words>(zh: T, en: Alike<T>): Both<T> {
  const messages = { 'zh-CN': zh, en }
  addMessages(messages)
  return messages
}

export const i18n = createI18n({
  legacy: false,
  locale: 'zh-CN' as Locale,
  fallbackLocale: 'zh-CN',
  messages: { 'zh-CN': {}, en: {} } as Record<Locale, Record<string, never>>,
  missingWarn: import.meta.env.DEV,
})

/** As much of it as is used here; its own type, inferred of all messages, is deeper than the compiler follows. */
const composer = i18n.global as unknown as {
  locale: Ref<Locale>
  t: (key: string, values: Record<string, unknown>) => string
  te: (key: string, locale?: Locale) => boolean
  mergeLocaleMessage: (locale: Locale, words: object) => void
}

/** Make an area's messages known; its keys begin with what they are called there. Doing it again changes nothing. */
function addMessages(messages: { 'zh-CN': object; en: object }): void {
  for (const locale of LOCALES) composer.mergeLocaleMessage(locale, messages[locale])
}

/** The language of the page and of what the services answer from now on. */
export function setLocale(locale: Locale): void {
  composer.locale.value = locale
  document.documentElement.lang = locale
  speak(locale)
}

export function currentLocale(): Locale {
  return composer.locale.value
}

/** For code outside of components. */
export function t(key: string, values: Record<string, unknown> = {}): string {
  return composer.t(key, values)
}

export function hasWords(key: string): boolean {
  return composer.te(key) || composer.te(key, 'zh-CN')
}

/**
 * Words for a code that the API gives: `orderState`, `confirmed`. It may be one of a newer release than the page, for which there are none:
 * then `otherwise`, by its key; it may have the code in it ({code}).
 */
export function named(area: string, code: string, otherwise: string): string {
  const key = `${area}.${code}`
  return t(hasWords(key) ? key : otherwise, { code: code.replaceAll('_', ' ') })
}

addMessages(common)
