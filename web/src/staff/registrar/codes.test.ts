/** Every code that docs/rosters.md knows has words, in both languages; so does whatever is refused before it is sent. */

import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { LOCALES } from '@/i18n'
import document from '../../../../docs/openapi/schedule-svc.json'
import csv from './csv.ts?raw'
import { messages } from './messages'
import upload from './upload.ts?raw'

const rosters = readFileSync('../docs/rosters.md', 'utf8') // vitest runs in web/
const told = [...rosters.slice(rosters.indexOf('## Codes')).matchAll(/^\| `([a-z_]+)` \|/gm)].map((match) => match[1]!)
const raised = [...(csv + upload).matchAll(/new Refused\((?:'\w*'|\w+), '(\w+)'/g)].map((match) => match[1]!)

describe.each(LOCALES)('in %s', (locale) => {
  const { codes, refused, status, statuses, severity } = messages[locale].registrar

  it('codes have words', () => {
    expect(told.length).toBeGreaterThan(25)
    expect(raised.length).toBeGreaterThan(10)
    for (const code of told) expect(codes).toHaveProperty(code)
    for (const code of raised) expect({ ...codes, ...refused }).toHaveProperty(code)
  })

  it('enums of the API have words', () => {
    const { RosterSummary, RosterRow } = document.components.schemas
    expect(Object.keys(status).sort()).toEqual([...RosterSummary.properties.status.enum].sort())
    expect(Object.keys(statuses).sort()).toEqual([...RosterSummary.properties.status.enum].sort())
    for (const one of RosterRow.properties.severity.enum) expect(severity).toHaveProperty(one)
  })
})
