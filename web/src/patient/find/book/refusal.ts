/** Why she got no number: refused at once by a problem, or by an order that was rejected while we waited. */

import { Problem, type Order } from '@/api'
import { hasWords, t } from '@/i18n'
import { say } from '@/i18n/problems'
import { moment } from '@/shared/format'

export interface Refusal {
  code: string
  rule: string | null
  until: string | null
}

/** What she can do about it. */
export type Remedy = 'waitlist' | 'others' | 'orders' | 'credit' | 'voucher' | 'time' | 'person' | 'wait'

const REMEDIES: Record<string, Remedy[]> = {
  sold_out: ['time', 'waitlist', 'others'],
  not_drawn: ['waitlist', 'others'],
  session_stopped: ['others'],
  session_over: ['others'],
  session_not_found: ['others'],
  entries_closed: ['others'],
  too_late: ['others'],
  not_released: ['wait'],
  too_early: ['wait'],
  cool_down: ['wait', 'others'],
  limit_reached: ['orders', 'others'],
  credit_blocked: ['credit'],
  voucher_invalid: ['voucher'],
  slot_not_found: ['time'],
  slot_not_choosable: ['time'],
  patient_not_found: ['person'],
}

/** Of an order that was rejected; null of any other. */
export function ofOrder(order: Pick<Order, 'state' | 'reason' | 'rule' | 'until'>): Refusal | null {
  return order.state === 'rejected' ? { code: order.reason ?? 'unknown', rule: order.rule, until: order.until } : null
}

/** Of what was raised; null if it says nothing about numbers, but that something is broken. */
export function ofError(error: unknown): Refusal | null {
  if (!(error instanceof Problem) || !(error.code in REMEDIES)) return null
  const until = error.extra.release_at ?? error.extra.draw_at
  return { code: error.code, rule: null, until: typeof until === 'string' ? until : null }
}

export function remedies({ code }: Refusal): Remedy[] {
  return REMEDIES[code] ?? ['others']
}

/** In words, with until when. */
export function words({ code, until }: Refusal): string {
  const dated = `find.refused.${code}_until`
  if (until && hasWords(dated)) return t(dated, { time: moment(until) })
  const plain = `find.refused.${code}`
  return hasWords(plain) ? t(plain) : say(new Problem(409, { code, detail: t('find.refused.unknown') }))
}

const SKEW = 2_000 // milliseconds by which our idea of the server's clock is surely not off
const SOONEST = 200

/** Pressed at the very second, by a clock that is a little fast: how long to wait before asking again, milliseconds; 0: no use. */
export function early(error: unknown, now: number): number {
  const refusal = ofError(error)
  if (refusal?.code !== 'not_released' || !refusal.until) return 0
  const rest = Date.parse(refusal.until) - now
  return rest < SKEW ? Math.max(SOONEST, rest) : 0
}
