/** Refunds that wait for somebody at the counter, and what may be done with each. */

import { all, ask, payment, type PaymentSchemas } from '@/api'

export type Refund = PaymentSchemas['RefundOut']

/** hand_out: cash is to be given; again: refused, to be repeated or paid out; card: it cannot reach her, and needs another card. */
export type Wait = 'hand_out' | 'again' | 'card'

/** What it waits for; null if for nobody here. */
export function waitOf(refund: Refund): Wait | null {
  if (refund.state === 'processing') return refund.method === 'window' ? 'hand_out' : null
  if (refund.state === 'failed') return refund.retried_as ? null : 'again'
  return refund.state === 'abnormal' ? 'card' : null
}

/** All that wait, the oldest first. */
export function waiting(): Promise<Refund[]> {
  return all((cursor) => ask(payment.GET('/api/v1/refunds', { params: { query: { waiting: true, cursor, limit: 200 } } })), 5000)
}

/** Fen of what was typed as yuan ("12.5" is 1250), or null if it is no amount of money. Without floating point. */
export function fen(yuan: string): number | null {
  const hit = /^(\d{1,7})(?:\.(\d{1,2}))?$/.exec(yuan.trim())
  return hit ? Number(hit[1]) * 100 + Number((hit[2] ?? '').padEnd(2, '0')) : null
}
