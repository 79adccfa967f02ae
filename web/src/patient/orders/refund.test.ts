import { readFileSync } from 'node:fs'
import { afterEach, describe, expect, it } from 'vitest'
import { setLocale } from '@/i18n'
import { money } from '@/shared/format'
import './messages'
import { NOTICE_HOURS, preview, type Rules } from './refund'
import { span } from './rule'
import { orderOf, paymentOf, yuan } from './samples'
import { followsInWords } from './told'
import './words'
afterEach(() => setLocale('zh-CN'))

const RULES: Rules = {
  cool_down: { unpaid_seconds: 60, confirmed_seconds: 7200 },
  penalties: [
    { kind: 'no_show', count: 3, within_days: null, notice_hours: null, blocked_days: 90 },
    { kind: 'late_cancel', count: 3, within_days: 30, notice_hours: 24, blocked_days: 30 },
  ],
}
const START = Date.parse('2026-11-30T08:00:00+08:00')
const before = (hours: number) => START - hours * 3_600_000
const paid = orderOf('confirmed', { paid: yuan(5000) })

describe('before she gives it back', () => {
  it('the money that is with us comes back, the way it came', () => {
    const online = paymentOf()
    const counter = paymentOf({ id: 'pay_2', method: 'window', channel: '' })
    expect(preview(paid, RULES, [online], before(100))).toMatchObject({ back: 5000, way: 'provider' })
    expect(preview(paid, RULES, [counter], before(100))).toMatchObject({ back: 5000, way: 'counter' })
    expect(preview(paid, RULES, [online, counter], before(100)).way).toBe('mixed')
    const rest = orderOf('confirmed', { paid: yuan(8000), refunded: yuan(3000) })
    expect(preview(rest, RULES, [], before(100)).back).toBe(5000)
    expect(preview(orderOf('moving', { paid: yuan(0), fee: yuan(6000) }), RULES, [], before(100)).back).toBe(6000)
  })

  it('what went back already says nothing of the way', () => {
    const gone = paymentOf({ method: 'window', parts: [{ order_id: 'ord_1', from_order_id: null, amount: yuan(5000), state: 'given_back' }] })
    expect(preview(paid, RULES, [gone, paymentOf({ id: 'pay_2' })], before(100)).way).toBe('provider')
  })

  it('of payments that cannot be had nobody knows the way', () => {
    expect(preview(paid, RULES, undefined, before(100)).way).toBe('unknown')
    expect(preview(paid, RULES, [], before(100)).way).toBe('unknown')
    expect(preview(orderOf('awaiting_payment'), RULES, undefined, before(100)).way).toBe('none')
    const said = followsInWords(paid, preview(paid, RULES, undefined, before(100)), () => '', span).join('\n')
    expect(said).toContain('暂时查不到您的付款方式')
  })

  it('a mark follows from less than 72 h, and counts from less than the notice that the rules name', () => {
    const marks = [72, 71.99, 24, 23.99, 0.5].map((hours) => preview(paid, RULES, [], before(hours)).mark)
    expect(marks).toEqual(['none', 'noted', 'noted', 'counts', 'counts'])
    expect(preview(paid, { ...RULES, penalties: [] }, [], before(1)).mark).toBe('noted')
    const always = { ...RULES, penalties: [{ ...RULES.penalties[1]!, notice_hours: null }] }
    expect(preview(paid, always, [], before(71)).mark).toBe('counts')
  })

  it('72 h are those of user-svc', () => {
    const source = readFileSync('../services/user-svc/user_svc/credit.py', 'utf8')
    expect(source).toContain(`NOTICE = timedelta(hours=${NOTICE_HOURS})`)
  })

  it.each(['reserving', 'entered', 'waitlisted', 'offered', 'awaiting_payment', 'closing', 'substitute_offered'] as const)(
    'no mark follows of what was not hers: %s',
    (state) => expect(preview(orderOf(state), RULES, [], before(1)).mark).toBe('none'),
  )

  it('the same doctor has to wait, but not after 停诊', () => {
    expect(preview(paid, RULES, [], before(100)).wait).toBe(7200)
    expect(preview(orderOf('awaiting_payment'), RULES, [], before(100)).wait).toBe(60)
    expect(preview(orderOf('substitute_offered', { paid: yuan(5000) }), RULES, [], before(100)).wait).toBe(0)
    expect(preview(paid, undefined, [], before(100)).wait).toBe(0)
  })
})

describe('in words', () => {
  const follows = (order: typeof paid, now: number, payments = [paymentOf()]) =>
    followsInWords(order, preview(order, RULES, payments, now), (amount) => money({ amount }), span)

  it('says the money, the mark and the wait', () => {
    const said = follows(paid, before(20)).join('\n')
    expect(said).toContain('退款 ¥50.00，原路退回')
    expect(said).toContain('距就诊不足 20 小时')
    expect(said).toContain('30 天内累计 3 次，暂停预约 30 天')
    expect(said).toContain('之后 2 小时内不能再约这位医生')
    setLocale('en')
    expect(follows(paid, before(100)).join('\n')).toContain('It leaves no mark')
  })

  it('says what an unpaid one costs: nothing', () => {
    const said = follows(orderOf('awaiting_payment', { replaces: 'ord_0' }), before(20), []).join('\n')
    expect(said).toContain('您还没有付款')
    expect(said).toContain('原预约照旧保留')
    expect(said).toContain('不会记入信用记录')
  })

  it('says that nothing is held against her for a stopped session', () => {
    const said = follows(orderOf('substitute_offered', { paid: yuan(5000) }), before(20)).join('\n')
    expect(said).toContain('停诊不计入信用记录')
    expect(said).not.toContain('不能再约')
  })
})
