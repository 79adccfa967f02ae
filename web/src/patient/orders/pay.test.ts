import { describe, expect, it } from 'vitest'
import document from '../../../../docs/openapi/payment-svc.json'
import { arrived, bodyOf, firstWay, inGroups, isOpen, isStale, otherWay, standing, surplusOf, type Method, type Payment } from './pay'
import { NOW, orderOf, paymentOf, yuan } from './samples'

const back = (more: Partial<Payment> = {}) =>
  paymentOf({ ...more, parts: [{ order_id: 'ord_1', from_order_id: null, amount: yuan(5000), state: 'given_back' }] })

describe('ways to pay', () => {
  it('a phone follows a link, a desktop shows a code, and each has the other one', () => {
    expect((['alipay', 'wechat'] as Method[]).map((m) => firstWay(m, true).channel)).toEqual(['wap', 'h5'])
    expect((['alipay', 'wechat'] as Method[]).map((m) => firstWay(m, false).channel)).toEqual(['qr', 'native'])
    expect(otherWay({ method: 'alipay', channel: 'wap' }, true)?.channel).toBe('qr')
    expect(otherWay({ method: 'alipay', channel: 'qr' }, true)?.channel).toBe('wap')
    expect(otherWay({ method: 'alipay', channel: 'qr' }, false)?.channel).toBe('page')
    expect(otherWay({ method: 'wechat', channel: 'native' }, true)?.channel).toBe('h5')
    expect(otherWay({ method: 'wechat', channel: 'native' }, false)).toBeNull()
    expect(otherWay(firstWay('window', true), true)).toBeNull()
  })

  it('are those that the API has', () => {
    const { method, channel } = document.components.schemas.PayArgs.properties
    for (const one of method.enum as Method[])
      for (const phone of [true, false]) {
        const way = firstWay(one, phone)
        expect(way.channel === undefined || channel.enum.includes(way.channel)).toBe(true)
      }
  })

  it('only the pages that lead back are told where', () => {
    expect(bodyOf({ method: 'alipay', channel: 'wap' }, '/orders/x/pay')).toHaveProperty('return_path', '/orders/x/pay')
    expect(bodyOf({ method: 'alipay', channel: 'qr' }, '/x')).not.toHaveProperty('return_path')
    expect(bodyOf({ method: 'wechat', channel: 'h5' }, '/x')).not.toHaveProperty('return_path')
    expect(bodyOf({ method: 'window' }, '/x')).toEqual({ method: 'window' })
  })
})

describe('attempts', () => {
  it('are open until their provider has said something', () => {
    const states = document.components.schemas.PaymentOut.properties.state.enum as Payment['state'][]
    expect(states.filter((state) => isOpen(paymentOf({ state }))).sort()).toEqual(['closing', 'created', 'pending', 'unknown'])
  })

  it('the newest that can still be paid is shown again after a reload', () => {
    const found = [
      paymentOf({ id: 'old', state: 'pending' }),
      paymentOf({ id: 'new', state: 'pending' }),
      paymentOf({ id: 'gone', state: 'closing' }),
      paymentOf({ id: 'other', order_id: 'ord_2', state: 'pending' }),
    ]
    expect(standing(found, 'ord_1')?.id).toBe('new')
    expect(standing([paymentOf({ state: 'closed' })], 'ord_1')).toBeUndefined()
  })

  it('are stale from the time on that they name, while they can be paid', () => {
    const show_until = new Date(NOW).toISOString()
    expect(isStale(paymentOf({ state: 'pending', show_until }), NOW - 1)).toBe(false)
    expect(isStale(paymentOf({ state: 'pending', show_until }), NOW)).toBe(true)
    expect(isStale(paymentOf({ state: 'unknown', show_until }), NOW)).toBe(false)
    expect(isStale(paymentOf({ state: 'pending' }), NOW)).toBe(false)
  })

  it('have arrived when they settle this order', () => {
    expect(arrived([paymentOf()], 'ord_1')).toBe(true)
    expect(arrived([paymentOf({ state: 'pending', parts: [] })], 'ord_1')).toBe(false)
    expect(arrived([back()], 'ord_1')).toBe(false)
  })
})

describe('what came too much', () => {
  it('is what was paid twice, or too late', () => {
    expect(surplusOf([paymentOf(), back({ id: 'p2' })], orderOf('confirmed', { paid: yuan(5000) }))).toBe(5000)
    expect(surplusOf([back()], orderOf('expired'))).toBe(5000)
  })

  it('is not what goes back because the order was cancelled', () => {
    expect(surplusOf([back()], orderOf('cancelled', { paid: yuan(5000), refunded: yuan(5000) }))).toBe(0)
  })

  it('is not what the order has not heard of yet, nor what has moved here', () => {
    expect(surplusOf([paymentOf()], orderOf('awaiting_payment'))).toBe(0)
    const moved = paymentOf({ order_id: 'ord_0', parts: [{ order_id: 'ord_1', from_order_id: 'ord_0', amount: yuan(3000), state: 'settles' }] })
    expect(surplusOf([moved, paymentOf({ amount: yuan(2000) })], orderOf('confirmed', { paid: yuan(5000) }))).toBe(0)
    const [theirs, own] = [moved, back({ amount: yuan(2000) })].map((p) => ({ ...p, parts: p.parts.map((part) => ({ ...part, state: 'given_back' as const })) }))
    expect(surplusOf([theirs!, own!], orderOf('cancelled', { paid: yuan(5000), refunded: yuan(5000) }))).toBe(0)
  })
})

it('a counter code is read out in groups', () => {
  expect(inGroups('26112399RF4ZJ14YYJ4')).toBe('2611 2399 RF4Z J14Y YJ4')
  expect(inGroups('ABCD')).toBe('ABCD')
})
