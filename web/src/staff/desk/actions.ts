/** What a desk may do with a visit as it stands: booking_svc.clinic.visits.MOVES, as far as staff make them. */

import type { Account, Visit } from '@/api'
import type { InLine, Queue } from '@/shared/clinic'

export const ACTIONS = ['start', 'finish', 'pass', 'recall', 'put_back', 'examine', 'call', 'return', 'check_in', 'class', 'transfer', 'readmit'] as const
export type Action = (typeof ACTIONS)[number]
type State = Visit['state']

const POSSIBLE: Partial<Record<State, Action[]>> = {
  expected: ['check_in', 'class', 'transfer'],
  waiting: ['call', 'class', 'transfer'],
  called: ['start', 'pass', 'recall', 'finish', 'examine', 'put_back', 'transfer'],
  serving: ['finish', 'examine', 'put_back', 'transfer'],
  away: ['return', 'finish', 'transfer'],
  missed: ['readmit', 'finish'],
}
const IN_CLOSED: ReadonlySet<Action> = new Set(['readmit', 'finish'])
const CALLS: ReadonlySet<Action> = new Set(['call', 'recall'])

/** What is offered for her, in the order of how often it is needed. */
export function offered(visit: Pick<InLine, 'state' | 'order_id'>, queue: Pick<Queue, 'state' | 'paused'>): Action[] {
  return (POSSIBLE[visit.state] ?? []).filter(
    (action) =>
      (queue.state === 'open' || IN_CLOSED.has(action)) &&
      !(queue.paused && CALLS.has(action)) &&
      (action !== 'check_in' || Boolean(visit.order_id)),
  )
}

/** Registrars act in all queues of their hospital, doctors in their own and where they have an open desk; others may look. */
export function mayAct(who: Account | null, doctorOfSession: string, queue: Pick<Queue, 'desks'>): boolean {
  if (!who) return false
  if (who.roles.some((role) => role === 'registrar' || role === 'hospital_admin' || role === 'operator')) return true
  return Boolean(who.doctor_id) && (who.doctor_id === doctorOfSession || queue.desks.some((desk) => desk.doctor_id === who.doctor_id))
}

export type Press = 'next' | 'passed' | 'start' | 'recall' | 'finish' | 'examine' | 'put_back' | 'open'

/** What the desk in a room offers, by who is there. */
export function presses(there: Pick<InLine, 'state'> | null | undefined, queue: Pick<Queue, 'state' | 'paused' | 'waiting'>): Press[] {
  if (queue.state !== 'open') return []
  if (there === undefined) return ['open']
  const next: Press[] = !queue.paused && queue.waiting.length ? ['next'] : []
  if (there === null) return next
  const waitsForHer: Press[] = queue.paused ? [] : ['passed', 'recall']
  return there.state === 'called' ? ['start', ...next, 'finish', ...waitsForHer, 'examine', 'put_back'] : [...next, 'finish', 'examine', 'put_back']
}

/** Which key does what, in the desk of a room. */
export const KEYS: Record<string, Press> = { n: 'next', s: 'start', d: 'finish', p: 'passed', r: 'recall', e: 'examine', b: 'put_back' }

/** The press that a key stands for, or undefined: with a modifier, held down, or typed into a field, it is no shortcut. */
export function pressOf(event: Pick<KeyboardEvent, 'key' | 'ctrlKey' | 'metaKey' | 'altKey' | 'repeat' | 'target'>): Press | undefined {
  if (event.ctrlKey || event.metaKey || event.altKey || event.repeat) return undefined
  const at = event.target as HTMLElement | null
  if (at?.closest?.('input, select, textarea, dialog, [contenteditable], .el-drawer')) return undefined
  return KEYS[event.key.toLowerCase()]
}
