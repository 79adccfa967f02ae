/** What will follow if she gives an order back now: her money, a mark, a time without this doctor. Told before she does it. */

import type { Order, PaymentSchemas } from '@/api'
import { heldOf } from './state'

type Payment = PaymentSchemas['PaymentOut']

/** Of a hospital's rules (docs/rules.md) what concerns giving back. */
export interface Rules {
  cool_down: { unpaid_seconds: number; confirmed_seconds: number }
  penalties: Penalty[]
}

interface Penalty {
  kind: string
  count: number
  within_days: number | null
  notice_hours: number | null
  blocked_days: number
}

/** A number that was hers for good is noted as given back late with less notice than this: user_svc/credit.py, NOTICE. */
export const NOTICE_HOURS = 72
const HOUR = 3_600_000

export interface Preview {
  /** Fen that come back. */
  back: number
  /** By the way they came, by hand at the counter, some each way; `unknown`: nobody can tell now; `none`: nothing is with us. */
  way: 'provider' | 'counter' | 'mixed' | 'unknown' | 'none'
  /** Nothing has been paid, but a payment on its way would come back by itself. */
  underWay: boolean
  mark: 'none' | 'noted' | 'counts'
  /** Before the visit there is less than so many whole hours. */
  hours: number
  /** The penalty to which such a mark counts. */
  penalty: Penalty | null
  /** Seconds without a number of the same doctor. */
  wait: number
}

/** payments: those of the order, for the way back, undefined if they cannot be had; now: the server's, milliseconds. */
export function preview(order: Order, rules: Rules | undefined, payments: readonly Payment[] | undefined, now: number): Preview {
  // while it is being moved here, its money is on the way, and comes back from here
  const back = order.state === 'moving' ? (order.fee?.amount ?? 0) : heldOf(order)
  const hers = order.state === 'confirmed' || order.state === 'moving'
  const hours = order.visit ? (Date.parse(order.visit.starts_at) - now) / HOUR : Infinity
  const late = hers && hours < NOTICE_HOURS
  const penalty = (late && rules?.penalties.find((p) => p.kind === 'late_cancel' && hours < (p.notice_hours ?? Infinity))) || null
  const cool = hers ? rules?.cool_down.confirmed_seconds : rules?.cool_down.unpaid_seconds
  return {
    back,
    way: back > 0 ? wayBack(payments, order.id) : 'none',
    underWay: order.state === 'awaiting_payment' || order.state === 'closing',
    mark: !late ? 'none' : penalty ? 'counts' : 'noted',
    hours: late ? Math.max(1, Math.ceil(hours)) : NOTICE_HOURS,
    penalty,
    // who is offered a substitute has had her session stopped: that is not her doing
    wait: order.state === 'substitute_offered' ? 0 : (cool ?? 0),
  }
}

function wayBack(payments: readonly Payment[] | undefined, order: string): Preview['way'] {
  const paid = (payments ?? []).filter((p) => p.parts.some((part) => part.order_id === order && part.state === 'settles'))
  if (paid.length === 0) return 'unknown'
  const counter = paid.filter((p) => p.method === 'window').length
  if (counter === 0) return 'provider'
  return counter === paid.length ? 'counter' : 'mixed'
}
