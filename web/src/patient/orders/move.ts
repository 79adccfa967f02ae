/** Sessions to which an order can be moved, and what the move costs. */

import type { Order, Session } from '@/api'

/** Among those of the next two weeks, by time: open, with a number left, not waiting for a draw, not what she has. */
export function movable(sessions: readonly Session[], order: Order, now: number): Session[] {
  return sessions
    .filter((s) => s.state === 'open' && s.remaining > 0 && !waitsForDraw(s, now) && !isAllHers(s, order))
    .sort((a, b) => a.starts_at.localeCompare(b.starts_at))
}

/** One enters a draw by an order of its own; after it, what is left over is first come, first served. */
function waitsForDraw(session: Session, now: number): boolean {
  return session.policy !== 'first_come' && session.draw_at !== null && now < Date.parse(session.draw_at)
}

/** Of her own session another time may be had, if it has one. */
function isAllHers(session: Session, order: Order): boolean {
  return session.id === order.session_id && freeSlots(session, order).length === 0
}

export function freeSlots(session: Session, order: Order): Session['slots'] {
  return session.slots.filter((slot) => slot.remaining > 0 && slot.id !== order.slot_id)
}

export function byDay(sessions: readonly Session[]): [string, Session[]][] {
  const days = new Map<string, Session[]>()
  for (const session of sessions) days.set(session.date, [...(days.get(session.date) ?? []), session])
  return [...days]
}

/** Fen: above 0 to be paid, below 0 what comes back. */
export function difference(order: Order, session: Pick<Session, 'fee'>): number {
  return session.fee.amount - order.paid.amount + order.moved.amount + order.refunded.amount
}
