import { beforeEach, describe, expect, it } from 'vitest'
import { Problem, Unreachable } from '@/api'
import { setLocale } from '@/i18n'
import './messages'
import { early, ofError, ofOrder, remedies, words } from './refusal'
beforeEach(() => setLocale('en'))

describe('a refusal', () => {
  it('is made of a problem, with the time at which it ends', () => {
    const refusal = ofError(new Problem(409, { code: 'not_released', release_at: '2026-11-24T07:00:00+08:00' }))!
    expect(refusal.until).toBe('2026-11-24T07:00:00+08:00')
    expect(words(refusal)).toContain('07:00')
    expect(remedies(refusal)).toEqual(['wait'])
  })

  it('is made of an order that was rejected while we waited, and of no other', () => {
    const order = { state: 'rejected', reason: 'limit_reached', rule: 'limits[0]: at most 1 per doctor and day', until: null } as const
    expect(ofOrder(order)).toEqual({ code: 'limit_reached', rule: order.rule, until: null })
    expect(ofOrder({ ...order, state: 'awaiting_payment' })).toBeNull()
  })

  it('has words in both languages for each that it knows a remedy for', () => {
    for (const code of ['sold_out', 'session_stopped', 'session_over', 'entries_closed', 'too_late', 'cool_down', 'limit_reached', 'credit_blocked', 'voucher_invalid', 'slot_not_found', 'patient_not_found'])
      for (const locale of ['zh-CN', 'en'] as const) {
        setLocale(locale)
        expect(words({ code, rule: null, until: null })).not.toContain(code)
      }
  })

  it('is not made of what says nothing about numbers', () => {
    expect(ofError(new Problem(500, { code: 'internal_error' }))).toBeNull()
    expect(ofError(new Unreachable('down'))).toBeNull()
  })
})

describe('pressing at the second of the release', () => {
  const release = '2026-11-24T07:00:00+08:00'
  const refused = new Problem(409, { code: 'not_released', release_at: release })
  it('is tried again a moment later if the clock was a little fast, and only then', () => {
    expect(early(refused, Date.parse(release) - 600)).toBe(600)
    expect(early(refused, Date.parse(release) + 50)).toBe(200)
    expect(early(refused, Date.parse(release) - 5_000)).toBe(0)
    expect(early(new Problem(409, { code: 'sold_out' }), Date.parse(release))).toBe(0)
  })
})
