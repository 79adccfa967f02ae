/** What an order is for its patient: what she can do about it now, in which list it stands, how often to ask for it. */

import type { BookingSchemas, Order, OrderState, Session } from '@/api'
import { isoDay } from '@/shared/format'

export type Action = 'pay' | 'accept' | 'substitute' | 'check_in' | 'move' | 'cancel' | 'decline' | 'again'
export type Group = 'needs' | 'coming' | 'past'

/** Somebody else owes an answer: the page says whose, and asks again. */
export const DECIDING: ReadonlySet<OrderState> = new Set(['reserving', 'closing', 'moving', 'withdrawing', 'returning', 'refunding'])
const NEEDS_HER: ReadonlySet<OrderState> = new Set(['offered', 'awaiting_payment', 'substitute_offered'])
const OVER: ReadonlySet<OrderState> = new Set(['cancelled', 'expired', 'rejected', 'rescheduled', 'no_show', 'fulfilled'])

/** Until when it waits for her, or null. */
export function deadlineOf(order: Order): string | null {
  if (order.state === 'awaiting_payment') return order.pay_before
  return order.state === 'offered' || order.state === 'substitute_offered' ? order.accept_before : null
}

/** now: the server's, milliseconds. */
export function actionsOf(order: Order, now: number): Action[] {
  const open = !passed(deadlineOf(order), now)
  const cancellable = !passed(order.cancel_before, now)
  switch (order.state) {
    case 'awaiting_payment':
      return open ? ['pay', 'cancel'] : ['cancel']
    case 'offered':
      return open ? ['accept', 'decline'] : []
    case 'substitute_offered':
      return open ? ['substitute', 'decline'] : []
    case 'confirmed':
      return [...(isToday(order, now) ? ['check_in' as const] : []), ...(cancellable ? (['move', 'cancel'] as const) : [])]
    case 'moving':
      return cancellable ? ['cancel'] : []
    case 'reserving':
    case 'entered':
    case 'waitlisted':
    case 'closing':
      return ['cancel']
    case 'rejected':
    case 'expired':
    case 'cancelled':
      return ['again']
    default:
      return []
  }
}

export function passed(time: string | null, now: number): boolean {
  return time !== null && now >= Date.parse(time)
}

export function isToday(order: Order, now: number): boolean {
  return order.visit?.date === isoDay(now)
}

export function groupOf(order: Order, now: number): Group {
  if (NEEDS_HER.has(order.state)) return 'needs'
  if (OVER.has(order.state)) return 'past'
  // nobody said how it went; her day is over all the same
  const over = order.state === 'confirmed' && order.visit !== null && order.visit.date < isoDay(now)
  return over ? 'past' : 'coming'
}

/** What needs her first, by its deadline; then what comes, the soonest visit first; then what is past, the newest first. */
export function grouped(orders: readonly Order[], now: number): Record<Group, Order[]> {
  const groups: Record<Group, Order[]> = { needs: [], coming: [], past: [] }
  for (const order of orders) groups[groupOf(order, now)].push(order)
  const by = (key: (order: Order) => string) => (a: Order, b: Order) => key(a).localeCompare(key(b))
  groups.needs.sort(by((order) => deadlineOf(order) ?? ''))
  groups.coming.sort(by((order) => order.visit?.starts_at ?? ''))
  groups.past.sort(by((order) => order.placed_at)).reverse()
  return groups
}

/** Since when it is in its state, milliseconds. */
export function since(order: Order): number {
  return Date.parse(order.history.at(-1)?.at ?? order.placed_at)
}

/** Since when somebody else owes an answer, milliseconds: since it is in such a state, or since her time is over. null: nobody does. */
export function owedSince(order: Order, now: number): number | null {
  if (DECIDING.has(order.state)) return since(order)
  const deadline = deadlineOf(order)
  return passed(deadline, now) ? Date.parse(deadline!) : null
}

/** So many milliseconds of waiting are more than usual, and the page says so. */
export const LONG = 60_000

/** In how many milliseconds to ask for an order again: fast while it is being decided, slower when that takes long; 0: never. */
export function rhythm(order: Order, now: number): number {
  const owed = owedSince(order, now)
  if (owed !== null) return now - owed < 15_000 ? 1000 : now - owed < 180_000 ? 4000 : 15_000
  switch (order.state) {
    case 'awaiting_payment':
    case 'offered':
      return 5000
    case 'entered':
      return passed(order.entry?.draw_at ?? null, now) ? 3000 : 20_000
    case 'waitlisted':
    case 'substitute_offered':
    case 'refund_failed':
      return 20_000
    case 'confirmed':
    case 'no_show':
      return 30_000
    case 'rescheduled':
      return heldOf(order) > 0 ? 10_000 : 0
    default:
      return 0
  }
}

const LATE = 3_600_000 // milliseconds after its end in which money for it may still come; it goes back, and is told when the page is opened later, too

/** In how many milliseconds to ask for its payments again, with an order that has ended; 0: never. */
export function lookout(order: Order, now: number): number {
  return (order.state === 'expired' || order.state === 'cancelled') && now - since(order) < LATE ? 15_000 : 0
}

/** What of the money paid is with us for this order, in fen: neither moved to another nor back. */
export function heldOf(order: Order): number {
  return order.paid.amount - order.moved.amount - order.refunded.amount
}

export type Facts = Pick<
  BookingSchemas['Visit'],
  'hospital_id' | 'hospital_name' | 'department_name' | 'doctor_id' | 'doctor_name' | 'doctor_title' | 'date' | 'period' | 'room'
> & { starts_at: string | null; ends_at: string | null }

/** Where and when, of a session in which she has no number yet: without a time to arrive. */
export function factsOf(session: Session): Facts {
  return {
    hospital_id: session.hospital.id,
    hospital_name: session.hospital.name,
    department_name: session.department.name,
    doctor_id: session.doctor.id,
    doctor_name: session.doctor.name,
    doctor_title: session.doctor.title,
    date: session.date,
    period: session.period,
    room: session.room,
    starts_at: null,
    ends_at: null,
  }
}
