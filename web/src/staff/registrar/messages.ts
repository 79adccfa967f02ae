import { type Locale } from '@/i18n'
import { codes, refused } from './codes'
import { problems } from './problems'
import { pages } from './words'

const of = (locale: Locale) => ({
  registrar: { ...pages[locale].registrar, ...codes[locale].registrar, ...refused[locale].registrar },
  problems: problems[locale],
})

export const messages = { 'zh-CN': of('zh-CN'), en: of('en') }
