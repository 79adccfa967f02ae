import { describe, expect, it } from 'vitest'
import { bodyOf, codeOf, emptyForm, faultsOf, fenOf, segmentsOf, type SessionForm } from './publish'

function form(changes: Partial<SessionForm> = {}): SessionForm {
  const segments = segmentsOf({ from: '08:00', to: '09:00', minutes: 30, capacity: 5 })
  return { ...emptyForm('2026-12-01'), doctor_id: 'doc_1', code: 'D1-am', segments, ...changes }
}
const codes = (changes: Partial<SessionForm>) => faultsOf(form(changes)).map((f) => [f.field, f.code, f.segment])

describe('the form of one session', () => {
  it('is money in fen, exactly', () => {
    expect(['50', '12.5', ' 0.07 ', '1234567.89'].map(fenOf)).toEqual([5000, 1250, 7, 123456789])
    expect(['', '-1', '1e3', '1.234', '¥5', '12345678'].map(fenOf)).toEqual(Array(6).fill(null))
  })

  it('makes segments of a plan; the last may be shorter', () => {
    const made = segmentsOf({ from: '08:00', to: '09:15', minutes: 30, capacity: 5 })
    expect(made.map((s) => `${s.starts}-${s.ends}`)).toEqual(['08:00-08:30', '08:30-09:00', '09:00-09:15'])
    expect(segmentsOf({ from: '09:00', to: '08:00', minutes: 30, capacity: 5 })).toEqual([])
    expect(segmentsOf({ from: '08:00', to: '09:00', minutes: 0, capacity: 5 })).toEqual([])
    expect(segmentsOf({ from: '00:00', to: '23:59', minutes: 1, capacity: 1 })).toHaveLength(200)
  })

  it('becomes what the API takes, in Beijing\'s time', () => {
    const segments = form().segments.map((s, n) => ({ ...s, blocked: 1, referral: n }))
    const body = bodyOf(form({ segments, version: 3, fee: '12.5' }), false)
    expect(body).toMatchObject({ code: 'D1-am', version: 4, draft: false, fee: { amount: 1250, currency: 'CNY' }, release_at: '2026-11-24T08:30:00+08:00' })
    expect(body.slots[1]).toEqual({ starts_at: '2026-12-01T08:30:00+08:00', ends_at: '2026-12-01T09:00:00+08:00', capacity: 5, blocked: 1, quotas: { referral: 1 } })
    expect(body.slots[0]).not.toHaveProperty('quotas')
    expect(body).not.toHaveProperty('draw_at')
    expect(body).not.toHaveProperty('cancel_before')
    expect(bodyOf(form({ policy: 'lottery', draw_at: '2026-11-29T20:00' }), true)).toMatchObject({ draw_at: '2026-11-29T20:00:00+08:00', draft: true })
  })

  it('says what is wrong before it is sent', () => {
    expect(codes({})).toEqual([])
    expect(codes({ doctor_id: '', fee: 'x' })).toEqual([['doctor_id', 'missing', undefined], ['fee', 'money', undefined]])
    expect(codes({ policy: 'weighted' })).toEqual([['draw_at', 'missing', undefined]])
    expect(codes({ segments: [] })).toEqual([['slots', 'noSegments', undefined]])
    const [a, b] = form().segments as [SessionForm['segments'][0], SessionForm['segments'][0]]
    expect(codes({ segments: [{ ...a, ends: '08:00' }, b] })).toEqual([['slots', 'endsBefore', 1]])
    expect(codes({ segments: [a, { ...b, starts: '08:29' }] })).toEqual([['slots', 'overlap', 2]])
    expect(codes({ segments: [{ ...a, blocked: 3, window: 3 }, b] })).toEqual([['slots', 'above', 1]])
    expect(codes({ segments: [a, { ...b, capacity: 0 }] })).toEqual([['slots', 'number', 2]])
    expect(codes({ segments: [a, { ...b, capacity: '' as unknown as number }] })).toEqual([['slots', 'number', 2]])
  })

  it('may end at midnight, which is the next day\'s', () => {
    const segments = segmentsOf({ from: '23:00', to: '00:00', minutes: 30, capacity: 5 })
    expect(segments.map((s) => `${s.starts}-${s.ends}`)).toEqual(['23:00-23:30', '23:30-00:00'])
    expect(codes({ segments })).toEqual([])
    expect(bodyOf(form({ segments }), true).slots.map((s) => s.ends_at)).toEqual(['2026-12-01T23:30:00+08:00', '2026-12-02T00:00:00+08:00'])
    expect(codes({ segments: [...segments, ...form().segments] })).toEqual([['slots', 'overlap', 3]])
    expect(codes({ segments: [{ ...segments[1]!, ends: '' }] })).toEqual([['slots', 'endsBefore', 1]])
  })

  it('has the same code for the same doctor, day and part of the day', () => {
    expect(codeOf('D001', form())).toBe('own_D001-20261201-morning')
    expect(codeOf('D'.repeat(64), form())).toMatch(/^own_D+-20261201-morning$/)
    expect(codeOf('D'.repeat(64), form())).toHaveLength(64)
  })
})
