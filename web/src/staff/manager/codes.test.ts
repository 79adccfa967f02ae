/** Every code that docs/waiting.md and booking-svc's document know has words, in both languages. */

import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { LOCALES } from '@/i18n'
import booking from '../../../../docs/openapi/booking-svc.json'
import user from '../../../../docs/openapi/user-svc.json'
import { messages } from './messages'

const waiting = readFileSync('../docs/waiting.md', 'utf8') // vitest runs in web/
const models = waiting.slice(waiting.indexOf('## The models and what they assume'), waiting.indexOf('**In it**'))
const rows = [...models.matchAll(/^\| `([a-z_]+)` \|/gm)].map((match) => match[1]!)
const planner = /What it takes for granted\*\*: (.*)\./.exec(waiting)![1]!
const assumed = [...rows.filter((code) => !/^m[mg][1c]$/.test(code)), ...[...planner.matchAll(/`([a-z_]+)`/g)].map((match) => match[1]!)]

describe.each(LOCALES)('in %s', (locale) => {
  const words = messages[locale].manager

  it('assumptions have words', () => {
    expect(assumed).toContain('steady_state')
    expect(assumed).toContain('everybody_is_seen')
    expect(Object.keys(words.assumptions).sort()).toEqual([...new Set(assumed)].sort())
  })

  it('models, refusals, roles, disciplines and what is known have words', () => {
    const { Model, Numbers, BackTest } = booking.components.schemas
    expect(Object.keys(words.models).sort()).toEqual([...Model.properties.model.enum].sort())
    for (const why of ['overloaded', 'no_servers', 'no_arrivals', 'several_desks']) expect(words.refusals).toHaveProperty(why)
    expect(Object.keys(words.disciplines).sort()).toEqual([...Numbers.properties.discipline.enum].sort())
    expect(Object.keys(words.backTest.knowns).sort()).toEqual([...BackTest.properties.known.items.enum].sort())
    for (const role of user.components.schemas.StaffIn.properties.roles.items.enum) expect(words.roles).toHaveProperty(role)
  })
})
