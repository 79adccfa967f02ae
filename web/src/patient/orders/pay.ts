/** Ways to pay, and what an attempt's state means for the page. */

import type { PaymentSchemas } from '@/api'

export type Payment = PaymentSchemas['PaymentOut']
export type Method = Payment['method']
export type Channel = Exclude<Payment['channel'], ''>

export interface Way {
  method: Method
  channel?: Channel
}

/** On a phone the providers' apps are on this very device: a link. On a desktop she has the phone in her hand: a code to scan. */
export function firstWay(method: Method, phone: boolean): Way {
  if (method === 'window') return { method }
  if (method === 'alipay') return { method, channel: phone ? 'wap' : 'qr' }
  return { method, channel: phone ? 'h5' : 'native' }
}

/** The other way with the same provider, if there is one here. */
export function otherWay(way: Way): Way | null {
  switch (way.channel) {
    case 'wap':
    case 'page':
      return { method: 'alipay', channel: 'qr' }
    case 'h5':
      return { method: 'wechat', channel: 'native' }
    case 'qr':
      return { method: 'alipay', channel: 'page' }
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

/** Came late or twice: goes back, or has gone. */
export function givenBack(payments: readonly Payment[], order: string): Payment[] {
  return payments.filter((p) => p.parts.some((part) => part.order_id === order && part.state === 'given_back'))
}

/** What she is shown is stale: it is asked for again, under the same key. now: the server's, milliseconds. */
export function isStale(payment: Payment, now: number): boolean {
  return payment.state === 'pending' && payment.show_until !== null && now >= Date.parse(payment.show_until)
}

/** 8 characters after each other are misread: HY1234 5678 9012 */
export function inGroups(code: string): string {
  return code.replace(/(.{4})(?=.)/g, '$1 ')
}
