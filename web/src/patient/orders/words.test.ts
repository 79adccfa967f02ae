/** Every code that booking-svc's document names has words in both languages; and no words are for codes that there are not. */

import { afterEach, describe, expect, it } from 'vitest'
import { hasWords, LOCALES, setLocale } from '@/i18n'
import type { Order } from '@/api'
import document from '../../../../docs/openapi/booking-svc.json'
import { messages } from './messages'
import { ruleInWords } from './rule'
import { NOW, orderOf } from './samples'
import { nowInWords, whyOf } from './told'
import { words } from './words'
afterEach(() => setLocale('zh-CN'))

const schemas = document.components.schemas
const STATES = schemas.Order.properties.state.enum
const REASONS = schemas.Order.properties.reason.enum.filter((reason) => reason !== null) as NonNullable<Order['reason']>[]
const VOID = schemas.Order.properties.void_reason.enum.filter((reason) => reason !== null) as NonNullable<Order['void_reason']>[]
const EVENTS = schemas.Step.properties.event.enum
const PARTS = schemas.WeightPart.properties.name.enum
const HANZI = /\p{Script=Han}/u

describe.each(LOCALES)('in %s', (locale) => {
  const here = words[locale].orders

  it('steps, reasons and parts of a weight have words, and there are no others', () => {
    expect(Object.keys(here.event).sort()).toEqual([...EVENTS].sort())
    expect(Object.keys(here.reason).sort()).toEqual([...REASONS].sort())
    expect(Object.keys(here.part).sort()).toEqual([...PARTS].sort())
    expect(Object.keys(here.advice).filter((code) => code !== 'other' && !REASONS.some((reason) => reason === code))).toEqual([])
  })

  it.each(STATES)('%s says how it stands and what comes', (state) => {
    setLocale(locale)
    const order = orderOf(state as Parameters<typeof orderOf>[0])
    for (const counter of [true, false]) {
      const said = nowInWords(order, { now: NOW, counter, surplus: 0 })
      expect(said.length).toBeGreaterThan(5)
      expect(said).not.toMatch(/orders\.|[{}]/)
      expect(HANZI.test(said)).toBe(locale === 'zh-CN')
    }
    expect(hasWords(`orderState.${state}`)).toBe(true)
  })

  it.each(REASONS)('%s says why, and what one can do', (reason) => {
    setLocale(locale)
    const why = whyOf(orderOf(reason === 'refund_refused' ? 'refund_failed' : 'rejected', { reason, until: '2026-11-30T08:00:00+08:00' }))
    expect(JSON.stringify(why)).not.toMatch(/orders\.|[{}]\w/)
    for (const said of [why?.reason, why?.until]) expect(HANZI.test(said!.replace(/\d+月\d+日/, ''))).toBe(locale === 'zh-CN')
  })

  it.each(VOID)('void since %s says why, and what one can do', (void_reason) => {
    setLocale(locale)
    expect(Object.keys(here.void).sort()).toEqual(['advice', ...VOID].sort())
    for (const state of ['refunding', 'refund_failed', 'cancelled'] as const) {
      const why = whyOf(orderOf(state, { void_reason, reason: state === 'refund_failed' ? 'refund_refused' : null }))
      expect(why?.reason).toBe(here.void[void_reason])
      expect(HANZI.test(why!.reason + why!.advice)).toBe(locale === 'zh-CN')
    }
  })

  it('waits for what is being decided are named', () => {
    const waiting = ['reserving', 'closing', 'moving', 'withdrawing', 'returning', 'refunding']
    expect(Object.keys(here.waits).sort()).toEqual(waiting.sort())
  })
})

it('nothing was charged is said only where that is known; and what is on its way back is not said to be there', () => {
  const said = (surplus: number | undefined) => nowInWords(orderOf('expired'), { now: NOW, counter: false, surplus })
  expect([0, 5000, undefined].map((surplus) => said(surplus).includes('没有产生任何费用'))).toEqual([true, false, false])
  expect(said(5000)).toContain('会自动原路退回')
  expect(messages['zh-CN'].orders.pay.returned).not.toContain('已自动退回')
})

it.each([
  ['awaiting_payment', '2026-11-23T10:15:00+08:00', '请在', '支付时限已到'],
  ['offered', '2026-11-23T10:20:00+08:00', '请在', '确认时限已到'],
  ['substitute_offered', '2026-11-23T10:20:00+08:00', '您可在', '选择时限已到'],
  ['entered', '2026-11-29T10:00:00+08:00', '公开抽签', '抽签时间已到'],
  ['confirmed', '2026-12-01T00:00:00+08:00', '到院报到', '就诊日已过'],
] as const)('%s says until when, and from then on that the answer is awaited', (state, until, before, after) => {
  const order = orderOf(state, { entry: { draw_at: '2026-11-29T10:00:00+08:00' } as Order['entry'] })
  const said = (now: number) => nowInWords(order, { now, counter: false, surplus: 0 })
  expect(said(Date.parse(until) - 1)).toContain(before)
  expect(said(Date.parse(until))).toContain(after)
  expect(said(Date.parse(until))).not.toContain(before)
})

it('what is left of a payment at the counter is collected there', () => {
  const said = (counter: boolean) => nowInWords(orderOf('rescheduled'), { now: NOW, counter, surplus: 0 })
  expect([true, false].map((counter) => said(counter).includes('收费窗口领取'))).toEqual([true, false])
})

it('what was refused once and then paid back is no reason any more', () => {
  expect(whyOf(orderOf('cancelled', { reason: 'refund_refused' }))).toBeNull()
})

describe('the rule that refused it', () => {
  it.each([
    ['limits[0]: at most 1 per doctor and day', '同一就诊人在同一医生，每天最多 1 个号', 'numbers per patient, doctor and day: at most 1'],
    ['limits[1]: at most 3 departments per hospital and day', '同一就诊人在同一医院，每天最多 3 个科室', 'departments per patient, hospital and day: at most 3'],
    ['window.days_ahead: 7 days ahead, from 08:30', '最早提前 7 天，08:30 开放预约', 'Bookings open 7 days before the visit’s day, at 08:30'],
    ['window.closes: booking has closed for this session', '就诊前的预约截止时间', 'When bookings close before a visit'],
    ['penalties[0]: 3 no_show within a calendar year, blocked for 90 days', '一个自然年内爽约累计 3 次，暂停预约 90 天', '3 missed visits within a calendar year: no bookings for 90 days'],
    ['penalties[2]: 3 late_cancel within 30 days, blocked for 30 days', '30 天内临时退号累计 3 次，暂停预约 30 天', '3 late cancellations within 30 days: no bookings for 30 days'],
    ['cool_down.confirmed_seconds: 7200 s until the same doctor again', '退号后，2 小时内不能再约同一医生', 'No number of the same doctor within 2 h of giving back a number'],
    ['cool_down.unpaid_seconds: 45 s until the same doctor again', '放弃未支付的号后，45 秒内不能再约同一医生', 'No number of the same doctor within 45 s of giving back an unpaid number'],
  ])('%s', (rule, zh, en) => {
    expect(ruleInWords(rule)).toBe(zh)
    setLocale('en')
    expect(ruleInWords(rule)).toBe(en)
  })

  it('is left out when it is not known', () => {
    expect(ruleInWords('per_doctor_and_day')).toBe('')
    expect(ruleInWords(null)).toBe('')
  })
})

