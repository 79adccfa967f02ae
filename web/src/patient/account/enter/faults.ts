/** What the API says of single fields, in words for people. It speaks English; what it can say of our fields is known here. */

import { Problem } from '@/api'
import { currentLocale, t } from '@/i18n'

/** A sentence of the API, and the key of our words for it; what is in parentheses fills in {a} and {b}. */
const SAID: [RegExp, string][] = [
  [/^(\d+) to (\d+) characters; several words do well$/, 'fields.passwordLength'],
  [/^has a character that not every device types alike$/, 'fields.passwordCharacter'],
  [/^is one of the passwords that are tried first$/, 'fields.passwordCommon'],
  [/^is made of your name, your address or the name of this service$/, 'fields.passwordAbout'],
  [/^repeats itself, or is a run such as 12345 or qwerty$/, 'fields.passwordRun'],
  [/^3 to 64 letters, digits, points, hyphens or underscores, the first no point or hyphen$/, 'fields.username'],
  [/^must have letters: a number would be taken for a phone's$/, 'fields.usernameLetters'],
  [/^Length must be between (\d+) and (\d+)\.$/, 'fields.length'],
  [/^(Shorter than minimum length|Longer than maximum length) (\d+)\.$/, 'fields.invalid'],
  [/^Missing data for required field\.$/, 'fields.missing'],
  [/^Field may not be null\.$/, 'fields.missing'],
  [/^is needed(: a code for an address of yours that is proved)?$/, 'fields.missing'],
  [/^or a phone is needed: what the code was sent to$/, 'fields.missing'],
  [/^proves one address: give an email or a phone$/, 'fields.oneAddress'],
  [/^no e-mail address that a code could be sent to$/, 'fields.email'],
  [/^Not a valid email address\.$/, 'fields.email'],
  [/^a mobile number of 11 digits, or \+ and the country's code$/, 'fields.phone'],
  [/^is no address of yours that is proved$/, 'fields.notYours'],
  [/^is six digits$/, 'fields.code'],
  [/^is wrong, was used, or is too old: ask for another one$/, 'fields.wrongCode'],
  [/^must be one of: .*$/, 'fields.choose'],
  [/^18 digits, the last may be X$/, 'fields.residentForm'],
  [/^no such region$/, 'fields.residentRegion'],
  [/^the check digit does not fit: please look at it again$/, 'fields.residentCheck'],
  [/^no such date of birth$/, 'fields.birthDate'],
  [/^Not a valid date\.$/, 'fields.birthDate'],
  [/^a passport's number has 5 to 17 letters and digits$/, 'fields.passport'],
  [/^a permit's number has 8 to 18 letters and digits$/, 'fields.permit'],
  [/^no such permit; the number of a resident ID is a resident_id$/, 'fields.permitNone'],
  [/^H or M, and 8 digits \(10 on older cards\)$/, 'fields.permitHome'],
  [/^does not agree with the document's number$/, 'fields.disagrees'],
  [/^1 to 50 characters, letters among them$/, 'fields.name'],
  [/^a child under (\d+) needs a guardian, who is in your list$/, 'fields.guardianNeeded'],
  [/^only who is under (\d+), by the birth date, has a guardian$/, 'fields.guardianUnder'],
  [/^her age is not known: give her birth_date first$/, 'fields.guardianAge'],
  [/^must be a grown-up in your list$/, 'fields.guardianGrown'],
]

/** The key of our words for a sentence, and what fills them in. */
export function wordsFor(sentence: string): { key: string; values: Record<string, string> } | undefined {
  for (const [pattern, key] of SAID) {
    const hit = pattern.exec(sentence)
    if (hit) return { key, values: { a: hit[1] ?? '', b: hit[2] ?? '' } }
  }
  return undefined
}

/** The fault of a field in the page's language; '' if it has none. */
export function fault(error: unknown, field: string): string {
  const said = (error instanceof Problem && error.faults.find((one) => one.field === field)?.message) || ''
  const known = wordsFor(said)
  if (known) return t(known.key, known.values)
  return said && currentLocale() !== 'en' ? t('fields.invalid') : said
}

/** True if all that is wrong stands beside fields that are on the page: then no line above them needs to say it again. */
export function onlyFields(error: unknown, fields: string[]): boolean {
  return error instanceof Problem && error.faults.length > 0 && error.faults.every((one) => fields.includes(one.field))
}
