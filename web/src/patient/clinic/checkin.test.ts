import { beforeAll, describe, expect, it } from 'vitest'
import { Problem, Unreachable } from '@/api'
import { setLocale } from '@/i18n'
import { checkInState, distance, isFinal, refusedWords } from './checkin'
import './messages'

const now = Date.parse('2026-11-23T10:00:00+08:00')
const at = (minutes: number) => new Date(now + minutes * 60_000).toISOString()
const visit = (opens: number, late: number, over: number) => ({
  state: 'expected' as const,
  check_in: { opens_at: at(opens), late_after: at(late), void_after: at(over), proofs: ['code' as const] },
})
const refused = (code: string, more: object = {}) => refusedWords(new Problem(409, { code, detail: 'English', ...more }), now)

describe('checking in', () => {
  beforeAll(() => {
    setLocale('zh-CN')
  })

  it('is possible from when it opens until the number is void', () => {
    expect(checkInState(visit(1, 30, 60), now)).toBe('early')
    expect(checkInState(visit(0, 30, 60), now)).toBe('open')
    expect(checkInState(visit(-30, 0, 60), now)).toBe('open')
    expect(checkInState(visit(-30, -1, 60), now)).toBe('late')
    expect(checkInState(visit(-90, -60, 0), now)).toBe('late')
    expect(checkInState(visit(-90, -60, -1), now)).toBe('too_late')
    expect(checkInState({ state: 'waiting', check_in: null }, now)).toBe('not_needed')
  })

  it('says what a refusal means, in plain words', () => {
    expect(refused('too_early', { from: at(30) })).toBe('还没到报到时间，10:30 开始。')
    expect(refused('too_early', { from: at(24 * 60) })).toContain('11月24日')
    expect(refused('wrong_code', { tries_left: 3 })).toContain('还可以试 3 次')
    expect(refused('wrong_code', { tries_left: 0 })).toContain('分诊台')
    expect(refused('not_here', { metres: 3210 })).toContain('3.2 公里')
    expect(refused('proof_needed', { possible: [] })).toContain('分诊台')
    expect(refused('proof_needed', { possible: ['code'] })).toContain('报到码')
    expect(refusedWords(new Unreachable('x'), now)).toContain('网络')
  })

  it('has words for every refusal that the service documents, in both languages', async () => {
    const { default: booking } = await import('../../../../docs/openapi/booking-svc.json')
    const text = booking.paths['/api/v1/orders/{order_id}/check-in'].post.description
    const codes = ['too_early', 'too_late', 'not_confirmed', 'wrong_code', 'not_here', 'proof_needed', 'queue_closed', 'already_moving', 'session_over']
    for (const code of codes) {
      expect(text).toContain(code)
      for (const locale of ['zh-CN', 'en'] as const) {
        setLocale(locale)
        expect(refused(code, { from: at(1), metres: 1, tries_left: 1 })).not.toMatch(/English|clinic\.refused/)
      }
    }
    setLocale('zh-CN')
  })

  it('tells how far away she is without false precision', () => {
    expect([distance(3), distance(847), distance(999), distance(1249)]).toEqual(['10 米', '850 米', '1000 米', '1.2 公里'])
  })

  it('offers no second try where it is in vain', () => {
    expect(isFinal(new Problem(409, { code: 'too_late' }))).toBe(true)
    expect(isFinal(new Problem(409, { code: 'wrong_code' }))).toBe(false)
    expect(isFinal(new Unreachable('x'))).toBe(false)
  })
})
