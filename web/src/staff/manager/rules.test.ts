import { describe, expect, it } from 'vitest'
import { formOf, parsed, rulesOf } from './rules'
import { bodyOf, wrongIn, type StaffForm } from './staff'

const before = {
  limits: [{ most: 1, of: 'doctor', per: 'day', counting: 'orders' }],
  cancel: { hours: 12, days: null, workdays: null, at: null },
  hold_minutes: 15,
  waitlist: { closes: { hours: null, days: 1, workdays: null, at: '23:00' }, offer_least_minutes: 5, offer_most_minutes: 30 },
  clinic: { discipline: 'priority', early_minutes: 30, grace_minutes: 0, late_minutes: 30, close_minutes: 120, passed: [2, 2] },
  penalties: [{ kind: 'no_show' }],
}

describe('rules', () => {
  it('keep what the form does not know', () => {
    const form = formOf(before)
    const after = rulesOf(before, { ...form, hold_minutes: 30, clinic: { ...form.clinic, discipline: 'fifo' } })
    expect(after).toMatchObject({ hold_minutes: 30, penalties: before.penalties, waitlist: { offer_least_minutes: 5, closes: { days: 1, at: '23:00' } } })
    expect(after.clinic).toEqual({ ...before.clinic, discipline: 'fifo' })
    expect(before.hold_minutes).toBe(15)
  })

  it('have one kind of deadline', () => {
    const form = formOf({ ...before, cancel: { workdays: 1, at: '14:00' } })
    expect(form.cancel).toEqual({ by: 'workdays', count: 1, at: '14:00' })
    expect(rulesOf(before, form).cancel).toEqual({ workdays: 1, at: '14:00' })
    expect(rulesOf(before, formOf(before)).cancel).toEqual({ hours: 12 })
  })

  it('leave a waitlist that closes otherwise as it is', () => {
    const hours = { ...before, waitlist: { closes: { hours: 3 }, offer_least_minutes: 5 } }
    expect(formOf(hours).waitlist).toBeNull()
    expect(rulesOf(hours, formOf(hours)).waitlist).toEqual(hours.waitlist)
  })

  it('may be typed as JSON', () => {
    expect(parsed('{"hold_minutes": 30}')).toEqual({ hold_minutes: 30 })
    expect([parsed('[1]'), parsed('{'), parsed('1'), parsed('null')]).toEqual([null, null, null, null])
  })
})

describe('who works here', () => {
  const form = (changes: Partial<StaffForm>): StaffForm => ({ username: 'li', roles: ['registrar'], doctor_id: '', password: '', ...changes })

  it('a doctor has her doctor, a screen its password and nothing else', () => {
    expect(wrongIn(form({}))).toEqual({})
    expect(wrongIn(form({ roles: ['doctor'] }))).toEqual({ doctor_id: 'missing' })
    expect(wrongIn(form({ roles: ['board', 'cashier'], password: 'x' }))).toEqual({ roles: 'boardAlone' })
    expect(wrongIn(form({ roles: ['board'] }))).toEqual({ password: 'missing' })
    expect(wrongIn(form({ username: ' ', roles: [] }))).toEqual({ username: 'missing', roles: 'noRole' })
  })

  it('is sent with what belongs to the role alone', () => {
    expect(bodyOf(form({ doctor_id: 'doc_1', password: 'x' }), 'hos_1')).toEqual({ username: 'li', roles: ['registrar'], doctor_id: null, hospital_id: 'hos_1' })
    expect(bodyOf(form({ roles: ['board'], password: 'x' }), 'hos_1')).toMatchObject({ password: 'x' })
  })
})
