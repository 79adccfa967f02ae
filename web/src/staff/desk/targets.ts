/** Where somebody of a line may be sent: to sessions of this hospital and day in which she is called, or will be. */

import { ask, booking, Problem, schedule, serverNow, type Session } from '@/api'
import type { Queue } from '@/shared/clinic'
import { sessionsOfToday } from '@/shared/sessions'

export function sessionOf(session_id: string): Promise<Session> {
  return ask(schedule.GET('/api/v1/sessions/{session_id}', { params: { path: { session_id } } }))
}

/** null: there is none yet. */
export async function lineOf(session_id: string): Promise<Queue | null> {
  try {
    return await ask(booking.GET('/api/v1/sessions/{session_id}/queue', { params: { path: { session_id } } }))
  } catch (error) {
    if (error instanceof Problem && error.status === 404) return null
    throw error
  }
}

/** A session that is over takes her while a desk is open there, for it runs late: so are those of her department looked at. */
export async function targetsOf(from: Session): Promise<Session[]> {
  const others = (await sessionsOfToday(from.hospital.id)).filter((s) => s.id !== from.id && s.state !== 'stopped')
  const isOver = (s: Session) => s.state === 'closed' || Date.parse(s.ends_at) <= serverNow()
  const over = others.filter((s) => isOver(s) && s.department.id === from.department.id)
  const lines = await Promise.all(over.map((s) => lineOf(s.id)))
  const late = new Set(over.filter((_, n) => lines[n]?.state === 'open' && lines[n].desks.length))
  return others.filter((s) => !isOver(s) || late.has(s))
}
