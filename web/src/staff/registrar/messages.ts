import { addMessages } from '@/i18n'
import { codes, refused } from './codes'
import { problems } from './problems'
import { pages } from './words'

/** Known as soon as a page of this area is loaded: its title is set before it is shown. */
export const messages = {
  'zh-CN': { registrar: { ...pages['zh-CN'], codes: codes['zh-CN'], refused: refused['zh-CN'] }, problems: problems['zh-CN'] },
  en: { registrar: { ...pages.en, codes: codes.en, refused: refused.en }, problems: problems.en },
}

addMessages(messages)
