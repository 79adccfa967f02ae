/** Ways to pay, and what an attempt's state means for the page. */

import type { Order, PaymentSchemas } from '@/api'

export type Payment = PaymentSchemas['PaymentOut']
export type Method = Payment['method']
export type Channel = Exclude<Payment['channel'], ''>

export interface Way {
  method: Method
  channel?: Channel
}

export const METHODS: readonly Method[] = ['alipay', 'wechat', 'window']

/** Which of them she may pay by. Until that is known (undefined), or if this page knows none of them: all; what is refused is told then. */
export function offeredOf(items: readonly PaymentSchemas['MethodOut'][] | undefined): readonly Method[] {
  const offered = METHODS.filter((method) => items?.some((one) => one.method === method))
  return offered.length ? offered : METHODS
}

/** On a phone the providers' apps are on this very device: a link. On a desktop she has the phone in her hand: a code to scan. */
export function firstWay(method: Method, phone: boolean): Way {
  if (method === 'window') return { method }
  if (method === 'alipay') return { method, channel: phone ? 'wap' : 'qr' }
  return { method, channel: phone ? 'h5' : 'native' }
}

/** The other way with the same provider, if there is one here: a code where there was a link, a link where there was a code. */
export function otherWay(way: Way, phone: boolean): Way | null {
  switch (way.channel) {
    case 'wap':
    case 'page':
      return { method: 'alipay', channel: 'qr' }
    case 'h5':
      return { method: 'wechat', channel: 'native' }
    case 'qr':
      return { method: 'alipay', channel: phone ? 'wap' : 'page' }
    case 'native':
      return phone ? { method: 'wechat', channel: 'h5' } : null // h5 opens the app, which a desktop has not
    default:
      return null
  }
}

export function isPhone(): boolean {
  return window.matchMedia('(pointer: coarse)').matches
}

/** The body of the call that starts it. Only Alipay's pages lead back to us by themselves. */
export function bodyOf(way: Way, back: string): { method: Method; channel?: Channel; return_path?: string } {
  return way.channel === 'wap' || way.channel === 'page' ? { ...way, return_path: back } : { ...way }
}

/** It may still become a payment, so it is asked after. */
export function isOpen(payment: Payment): boolean {
  return ['created', 'unknown', 'pending', 'closing'].includes(payment.state)
}

/** The newest attempt that she can still pay by: after a reload, or back from the provider's page. */
export function standing(payments: readonly Payment[], order: string): Payment | undefined {
  return payments.filter((p) => p.order_id === order && isOpen(p) && p.state !== 'closing').at(-1)
}

/** A payment of this order that has arrived. The order hears of it in a moment. */
export function arrived(payments: readonly Payment[], order: string): boolean {
  return payments.some((p) => p.state === 'succeeded' && p.parts.some((part) => part.order_id === order && part.state === 'settles'))
}

/** Fen that came late or twice, and go back by themselves: what was paid for an order beyond what counts for it. */
export function surplusOf(payments: readonly Payment[], order: Pick<Order, 'id' | 'paid'>): number {
  const own = payments.filter((p) => p.order_id === order.id && p.state === 'succeeded')
  const back = own.filter((p) => p.parts.every((part) => part.state === 'given_back'))
  const moved = payments.flatMap((p) => p.parts).filter((part) => part.order_id === order.id && part.from_order_id !== null)
  const beyond = sum(own) + sum(moved) - order.paid.amount
  return Math.max(0, Math.min(sum(back), beyond))
}

function sum(parts: readonly { amount: { amount: number } }[]): number {
  return parts.reduce((total, part) => total + part.amount.amount, 0)
}

/** What she is shown is stale: it is asked for again, under the same key. now: the server's, milliseconds. */
export function isStale(payment: Payment, now: number): boolean {
  return payment.state === 'pending' && payment.show_until !== null && now >= Date.parse(payment.show_until)
}

/** As one reads it out: 2611 239R F4ZJ */
export function inGroups(code: string): string {
  return code.replace(/(.{4})(?=.)/g, '$1 ')
}
