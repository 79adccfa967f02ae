/** Every code that the services can tell an operator has words, in both languages, or is told as another's. */

import { readdirSync, readFileSync } from 'node:fs'
import { beforeEach, describe, expect, it } from 'vitest'
import { LOCALES, setLocale } from '@/i18n'
import notify from '../../../../docs/openapi/notify-svc.json'
import { codes, factOf, reasonOf, unlookedWords } from './codes'

const read = (path: string) => readFileSync(`../${path}`, 'utf8') // vitest runs in web/
const all = (text: string, pattern: RegExp) => [...text.matchAll(pattern)].map((match) => match[1]!)
const NOTIFY = 'services/notify-svc/notify_svc'
const USECASES = 'services/user-svc/user_svc/usecases'

const events = read('libs/common/common/messages/user.py')
const literal = (name: string) => all(new RegExp(`^${name} = Literal\\[([^\\]]*)\\]`, 'm').exec(events)![1]!, /"(\w+)"/g)
const kinds = [
  ...all(read(`${NOTIFY}/kinds.py`), /^ {4}"(\w+)": /gm),
  ...literal('CodePurpose').map((purpose) => `code_${purpose}`),
  ...literal('SecurityEvent').map((event) => `security_${event}`),
]
const sending = read(`${NOTIFY}/usecases/sending.py`)
const takes = /def takes\([\s\S]*?return ""/.exec(read(`${NOTIFY}/delivery.py`))![0]
const reasons = [
  ...all(sending, /_Stopped\("\w+", f?"(\w+)/g),
  ...all(sending, /_end\(\w+, "\w+", (?:d\.reason or )?f?"(\w+)/g),
  ...all(sending, /^NOBODY = "(\w+): "/gm),
  ...all(read(`${NOTIFY}/usecases/receipts.py`), /reason=.*f"(\w+): /g),
  ...all(takes, /return "(\w+)"/g),
]
const usecases = readdirSync(`../${USECASES}`).filter((file) => file.endsWith('.py') && file !== 'trail.py')
const user = usecases.map((file) => read(`${USECASES}/${file}`)).join('') + read(`${USECASES}/trail.py`).replace(/def note\([\s\S]*?\n\n\n/, '')
const notes = [...user.matchAll(/\bnote\(\s*tx,\s*(?:f"\{name\}_(\w+)"|"(\w+)"(?: if .* else "(\w+)")?),?(.*)/g)]
const acts = notes.flatMap(([, changed, one, other]) => (changed ? [`email_${changed}`, `phone_${changed}`] : [one!, other].filter((act) => act !== undefined)))
const facts = notes.flatMap(([, , , , more]) => all(more!, /(\w+)=/g)).filter((name) => !['actor', 'about', 'hospital_id'].includes(name))

describe.each(LOCALES)('in %s', (locale) => {
  const { operator } = codes[locale]
  beforeEach(() => setLocale(locale))

  it('letters have words: what they are, why they did not go out, and what became of each attempt', () => {
    expect(kinds.length).toBeGreaterThan(50)
    expect(Object.keys(operator.kinds).sort()).toEqual([...new Set(kinds)].sort())
    expect(reasons.length).toBeGreaterThan(14)
    for (const reason of reasons) expect(operator.reasons).toHaveProperty(reason)
    expect(Object.keys(operator.outcomes).sort()).toEqual([...notify.components.schemas.AttemptOut.properties.outcome.enum].sort())
  })

  it('acts of the trail have words, and their facts', () => {
    expect(acts.length).toBeGreaterThan(20)
    expect(Object.keys(operator.acts).sort()).toEqual([...new Set(acts)].sort())
    for (const fact of [...facts, 'by', 'tries', 'accounts', 'mark_id', 'verdict', 'order_id', 'roles', 'act']) expect(operator.fact).toHaveProperty(fact)
    for (const way of all(user, /\bby="(\w+)"/g)) expect(operator.by).toHaveProperty(way)
  })

  it('a reason keeps what another says, and the code of one that has no words', () => {
    expect(reasonOf('opted_out')).toBe(operator.reasons.opted_out)
    expect(reasonOf('receipt: MK:0001')).toBe(`${operator.reasons.receipt} (MK:0001)`)
    expect(reasonOf('isv.BUSINESS_LIMIT')).toBe(`${operator.reasons.other} (isv.BUSINESS_LIMIT)`)
  })

  it('facts are told by name and value', () => {
    expect(factOf('by', 'password')).toEqual([operator.fact.by, operator.by.password])
    expect(factOf('act', 'logged_in')).toEqual([operator.fact.act, operator.acts.logged_in])
    expect(factOf('roles', ['doctor', 'board'])).toEqual([operator.fact.roles, 'doctor, board'])
    expect(factOf('newer', { a: 1 })).toEqual(['newer', '{"a":1}'])
  })

  it('why a promise was not looked at is told as the audit means it', () => {
    const live = read('audit/live.py')
    expect(live).toContain('{error} has not answered"')
    expect(live).toContain('"the figures do not fit: ')
    expect(unlookedWords('booking-svc has not answered')).toEqual([operator.unlooked.silent.replace('{service}', 'booking-svc'), ''])
    expect(unlookedWords(/^NOT_COMPARED = "(.*)"$/m.exec(live)![1]!)).toEqual([operator.unlooked.uncompared, ''])
    expect(unlookedWords('the figures do not fit: KeyError x')).toEqual([operator.unlooked.unfit, 'KeyError x'])
  })
})
