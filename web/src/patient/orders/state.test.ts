import { describe, expect, it } from 'vitest'
import type { OrderState } from '@/api'
import document from '../../../../docs/openapi/booking-svc.json'
import { actionsOf, DECIDING, deadlineOf, grouped, groupOf, heldOf, rhythm, type Group } from './state'
import { NOW, orderOf, VISIT, yuan } from './samples'

const STATES = document.components.schemas.Order.properties.state.enum as OrderState[]
const at = (time: string) => Date.parse(`2026-11-${time}+08:00`)

describe('what she can do', () => {
  it.each([
    ['reserving', ['cancel']],
    ['entered', ['cancel']],
    ['waitlisted', ['cancel']],
    ['offered', ['accept', 'decline']],
    ['awaiting_payment', ['pay', 'cancel']],
    ['closing', ['cancel']],
    ['moving', ['cancel']],
    ['confirmed', ['move', 'cancel']],
    ['substitute_offered', ['substitute', 'decline']],
    ['rejected', ['again']],
    ['expired', ['again']],
    ['cancelled', ['again']],
    ['withdrawing', []],
    ['returning', []],
    ['refunding', []],
    ['refund_failed', []],
    ['rescheduled', []],
    ['no_show', []],
    ['fulfilled', []],
  ] as [OrderState, string[]][])('%s', (state, actions) => expect(actionsOf(orderOf(state), NOW)).toEqual(actions))

  it('is known of every state', () => {
    expect(STATES).toHaveLength(19)
    for (const state of STATES) expect(Array.isArray(actionsOf(orderOf(state), NOW))).toBe(true)
  })

  it('ends with its window, to the millisecond, by the time given', () => {
    const end = at('23T10:15:00')
    expect(actionsOf(orderOf('awaiting_payment'), end - 1)).toContain('pay')
    expect(actionsOf(orderOf('awaiting_payment'), end)).toEqual(['cancel'])
    expect(actionsOf(orderOf('offered'), at('23T10:20:00'))).toEqual([])
    expect(actionsOf(orderOf('substitute_offered'), at('23T10:20:00'))).toEqual([])
  })

  it('is no cancelling and no moving after the deadline, and checking in on the day', () => {
    const deadline = at('29T20:00:00')
    expect(actionsOf(orderOf('confirmed'), deadline - 1)).toEqual(['move', 'cancel'])
    expect(actionsOf(orderOf('confirmed'), deadline)).toEqual([])
    expect(actionsOf(orderOf('moving'), deadline)).toEqual([])
    expect(actionsOf(orderOf('confirmed'), at('30T00:00:00'))).toEqual(['check_in'])
    expect(actionsOf(orderOf('confirmed', { cancel_before: null }), at('30T00:00:00'))).toEqual(['check_in', 'move', 'cancel'])
  })
})

describe('the list', () => {
  it('has every state in a group', () => {
    const inGroup = (group: Group) => STATES.filter((state) => groupOf(orderOf(state), NOW) === group).sort()
    expect(inGroup('needs')).toEqual(['awaiting_payment', 'offered', 'substitute_offered'])
    expect(inGroup('past')).toEqual(['cancelled', 'expired', 'fulfilled', 'no_show', 'rejected', 'rescheduled'])
  })

  it('has a confirmed one among the past when its day is over', () => {
    expect(groupOf(orderOf('confirmed'), at('30T23:59:59'))).toBe('coming')
    expect(groupOf(orderOf('confirmed'), at('30T23:59:59') + 1000)).toBe('past')
  })

  it('has the next deadline first, then the next visit, then what was placed last', () => {
    const visit = (date: string) => ({ ...VISIT, starts_at: `${date}T08:00:00+08:00` })
    const orders = [
      orderOf('awaiting_payment', { id: 'late', pay_before: '2026-11-23T10:30:00+08:00' }),
      orderOf('offered', { id: 'soon' }),
      orderOf('confirmed', { id: 'december', visit: visit('2026-12-01') }),
      orderOf('confirmed', { id: 'november', visit: visit('2026-11-29') }),
      orderOf('cancelled', { id: 'older', placed_at: '2026-11-21T09:00:00+08:00' }),
      orderOf('cancelled', { id: 'newer', placed_at: '2026-11-22T09:00:00+08:00' }),
    ]
    const found = grouped(orders, NOW)
    expect([...found.needs, ...found.coming, ...found.past].map((o) => o.id)).toEqual([
      'soon',
      'late',
      'november',
      'december',
      'newer',
      'older',
    ])
  })
})

describe('asking again', () => {
  it('is fast while it is decided, and slower when that takes long', () => {
    for (const state of DECIDING) {
      const order = orderOf(state)
      const began = Date.parse(order.history[0]!.at)
      const pauses = [0, 14_999, 15_000, 180_000, 86_400_000].map((age) => rhythm(order, began + age))
      expect(pauses).toEqual([1000, 1000, 4000, 15_000, 15_000])
    }
  })

  it('goes on while something can change by itself, and ends with the order', () => {
    const ended = STATES.filter((state) => rhythm(orderOf(state), NOW) === 0)
    expect(ended.sort()).toEqual(['cancelled', 'expired', 'fulfilled', 'rejected', 'rescheduled'])
    expect(rhythm(orderOf('rescheduled', { paid: yuan(5000), moved: yuan(3000) }), NOW)).toBeGreaterThan(0)
  })

  it('is soon when her time is over, as somebody decides now', () => {
    const over = Date.parse('2026-11-23T10:15:00+08:00')
    const pauses = [over - 1, over, over + 60_000].map((now) => rhythm(orderOf('substitute_offered', { accept_before: '2026-11-23T10:15:00+08:00' }), now))
    expect(pauses).toEqual([20_000, 1000, 4000])
    expect(rhythm(orderOf('awaiting_payment'), over)).toBe(1000)
  })

  it('is faster once the draw is due', () => {
    const entry = { draw_at: '2026-11-23T10:00:00+08:00', pseudonym: 'p', weight: 1, parts: [] }
    const [before, after] = [NOW - 1, NOW].map((now) => rhythm(orderOf('entered', { entry }), now))
    expect(after).toBeLessThan(before!)
  })
})

it('what is held is neither moved nor back', () => {
  expect(heldOf(orderOf('refunding', { paid: yuan(8000), moved: yuan(5000), refunded: yuan(1000) }))).toBe(2000)
})

it('a deadline is that of the state', () => {
  expect(deadlineOf(orderOf('awaiting_payment'))).toContain('10:15')
  expect(deadlineOf(orderOf('offered'))).toContain('10:20')
  expect(deadlineOf(orderOf('confirmed'))).toBeNull()
})
