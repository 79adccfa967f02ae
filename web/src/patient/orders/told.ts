/** How an order stands, in the words that fit it best. */

import { hasWords, named, t } from '@/i18n'
import { isoDay, moment } from '@/shared/format'
import type { Order, Visit } from '@/api'
import type { Preview } from './refund'
import { deadlineOf, passed } from './state'
import { ruleInWords } from './rule'

// A page that was open over an upgrade may be told codes that it does not know: patients are told so without them.
export const stateInWords = (state: string): string => named('orderState', state, 'orders.unknown.state')
export const eventInWords = (event: string): string => named('orders.event', event, 'orders.unknown.event')

/** What is known beside the order. */
export interface Seen {
  /** The server's time, milliseconds. */
  now: number
  /** What goes back was paid at the counter. */
  counter: boolean
  /** Fen that came too late or twice; undefined while nobody knows. */
  surplus: number | undefined
  /** How her visit of today stands; undefined while nobody knows, and on other days. */
  visit?: Visit['state'] | undefined
}

const HERE: ReadonlySet<unknown> = new Set<Visit['state']>(['waiting', 'called', 'serving', 'away', 'done'])

/** What is so now, what happens next, and until when. */
export function nowInWords(order: Order, seen: Seen): string {
  const key = `orders.now.${wordOf(order, seen)}`
  return hasWords(key) ? t(key, { time: timeOf(order) }) : t('orders.unknown.now')
}

function wordOf(order: Order, { now, counter, surplus, visit }: Seen): string {
  if (isOver(order, now)) return `${order.state}Over`
  switch (order.state) {
    case 'confirmed':
      return HERE.has(visit) ? `here.${visit}` : 'confirmed'
    case 'waitlisted':
      return order.auto_book ? 'waitlistedAuto' : 'waitlistedAsk'
    case 'refunding':
      return counter ? 'refundingCounter' : 'refunding'
    case 'rescheduled':
      return counter ? 'rescheduledCounter' : 'rescheduled'
    case 'expired':
      return surplus === undefined ? 'expiredUnsaid' : surplus > 0 ? 'expiredPaid' : 'expired'
    default:
      return order.state
  }
}

/** What it says of a time to come is past, and nobody has told yet what came of it. */
function isOver(order: Order, now: number): boolean {
  if (order.state === 'confirmed') return order.visit !== null && order.visit.date < isoDay(now)
  return passed(order.state === 'entered' ? (order.entry?.draw_at ?? null) : deadlineOf(order), now)
}

function timeOf(order: Order): string {
  const time = deadlineOf(order) ?? (order.state === 'entered' ? order.entry?.draw_at : order.visit?.starts_at)
  return time ? moment(time) : ''
}

const SUCCEEDING = new Set(['reserving', 'awaiting_payment', 'closing'])
const OPENS = new Set(['not_released', 'too_early'])
const CLOSED = new Set(['too_late', 'session_over'])
const ADVISED = new Set([
  'sold_out',
  'not_released',
  'slot_not_choosable',
  'not_drawn',
  'entries_closed',
  'cool_down',
  'credit_blocked',
  'too_early',
  'voucher_invalid',
  'replacement_ended',
])

export interface Why {
  reason: string
  rule: string
  until: string
  advice: string
}

/** Why it was rejected, or ended though nobody wanted that; null where there is nothing to explain. */
export function whyOf(order: Order): Why | null {
  const { reason, state, until, void_reason } = order
  if (void_reason) return { reason: named('orders.void', void_reason, 'orders.unknown.reason'), rule: '', until: '', advice: t('orders.void.advice') }
  if (!reason || (reason === 'refund_refused' && state !== 'refund_failed')) return null
  const said = OPENS.has(reason) ? 'opens' : CLOSED.has(reason) ? 'closed' : 'other'
  const advice = reason === 'refund_refused' ? '' : t(`orders.advice.${ADVISED.has(reason) ? reason : 'other'}`)
  return {
    reason: named('orders.reason', reason, 'orders.unknown.reason'),
    rule: ruleInWords(order.rule),
    until: until ? t(`orders.until.${said}`, { time: moment(until) }) : '',
    advice,
  }
}

/** What will follow if she gives it back now, sentence by sentence. `money` formats fen. */
export function followsInWords(order: Order, p: Preview, money: (fen: number) => string, span: (seconds: number) => string): string[] {
  const said: string[] = [t(`orders.cancel.${placeWord(order)}`)]
  if (order.replaces && SUCCEEDING.has(order.state)) said.push(t('orders.cancel.former'))
  const amount = money(p.back)
  if (p.way === 'provider') said.push(t('orders.cancel.back', { amount }))
  else if (p.way === 'counter') said.push(t('orders.cancel.backCounter', { amount }))
  else if (p.way === 'mixed') said.push(t('orders.cancel.backMixed', { amount }))
  else if (p.way === 'unknown') said.push(t('orders.cancel.backUnknown', { amount }))
  else said.push(t(p.underWay ? 'orders.cancel.underWay' : 'orders.cancel.nothing'))
  said.push(markInWords(order, p))
  if (p.wait > 0) said.push(t('orders.cancel.wait', { time: span(p.wait) }))
  return said
}

function placeWord(order: Order): string {
  switch (order.state) {
    case 'reserving':
      return 'placed'
    case 'entered':
    case 'waitlisted':
    case 'offered':
      return order.state
    case 'substitute_offered':
      return 'substitutes'
    default:
      return 'number'
  }
}

function markInWords(order: Order, p: Preview): string {
  if (order.state === 'substitute_offered') return t('orders.cancel.noMarkStopped')
  if (p.mark === 'none') return t('orders.cancel.noMark')
  if (p.mark === 'noted' || !p.penalty) return t('orders.cancel.noted', { hours: p.hours })
  const { within_days, count, blocked_days } = p.penalty
  const days = within_days === null ? t('orders.cancel.withinYear') : t('orders.cancel.withinDays', { n: within_days })
  return t('orders.cancel.counts', { hours: p.hours, days, count, blocked: blocked_days })
}
