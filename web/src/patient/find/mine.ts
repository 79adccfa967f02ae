/** What of her own orders is shown where she enters: what waits for her, and her next visit. */

import type { Order } from '@/api'
import { isoDay } from '@/shared/format'

export type Kind = 'pay' | 'take' | 'substitute' | 'today' | 'visit'

export interface Mine {
  kind: Kind
  order: Order
  /** Until when she is to act; null of a visit. */
  until: string | null
}

/** What waits for her first, the most pressing before the others; then the next visit. At most `most`. */
export function mineOf(orders: readonly Order[], now: number, most = 3): Mine[] {
  const waiting = orders.flatMap((order) => actOf(order)).filter(({ until }) => until === null || Date.parse(until) > now)
  const soon = orders
    .filter((order) => order.state === 'confirmed' && order.visit && Date.parse(order.visit.ends_at) > now)
    .sort((a, b) => Date.parse(a.visit!.starts_at) - Date.parse(b.visit!.starts_at))
    .slice(0, 1)
    .map((order): Mine => ({ kind: order.visit!.date === isoDay(now) && order.visit_id ? 'today' : 'visit', order, until: null }))
  return [...waiting.sort(byTime), ...soon].slice(0, most)
}

/** Where it leads: to the payment, on the day to the line, else to the order. */
export function pathOf({ kind, order }: Mine): string {
  if (kind === 'pay') return `/orders/${order.id}/pay`
  return kind === 'today' ? `/visits/${order.visit_id}` : `/orders/${order.id}`
}

function actOf(order: Order): Mine[] {
  if (order.state === 'awaiting_payment') return [{ kind: 'pay', order, until: order.pay_before }]
  if (order.state === 'offered') return [{ kind: 'take', order, until: order.accept_before }]
  if (order.state === 'substitute_offered') return [{ kind: 'substitute', order, until: order.accept_before }]
  return []
}

function byTime(a: Mine, b: Mine): number {
  const time = ({ until }: Mine) => (until === null ? Infinity : Date.parse(until))
  return time(a) - time(b) || 0
}
