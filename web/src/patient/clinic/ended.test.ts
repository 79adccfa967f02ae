import { afterEach, expect, it } from 'vitest'
import document from '../../../../docs/openapi/booking-svc.json'
import { LOCALES, setLocale } from '@/i18n'
import { endedInWords } from './ended'
import './messages'

afterEach(() => setLocale('zh-CN'))
const reasons = document.components.schemas.ClinicVisit.properties.void_reason.enum.filter((reason) => reason !== null)

it.each(LOCALES)('why a number is void is told; only that it is, while nobody has said why: %s', (locale) => {
  setLocale(locale)
  const why = reasons.map((void_reason) => endedInWords({ state: 'void', void_reason: void_reason as 'too_late' }))
  const plain = endedInWords({ state: 'void', void_reason: null })
  expect(new Set([...why, plain]).size).toBe(3)
  expect(endedInWords({ state: 'void', void_reason: 'of a newer release' as never })).toBe(plain)
  expect(endedInWords({ state: 'done', void_reason: null })).not.toBe(plain)
  for (const said of [...why, plain]) expect(said).not.toContain('clinic.')
})
