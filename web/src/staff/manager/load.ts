/** Sessions with what is known of their load. */

import { ask, booking, Problem, type BookingSchemas, type Session } from '@/api'
import { clock } from '@/shared/format'

export interface SessionLoad {
  session: Session
  /** null: nobody has heard of it at the clinic yet. */
  load: BookingSchemas['Load'] | null
}

const AT_ONCE = 4

/** In the order of the sessions, a few at a time. */
export async function loadsOf(sessions: Session[]): Promise<SessionLoad[]> {
  const found: SessionLoad[] = sessions.map((session) => ({ session, load: null }))
  let next = 0
  const work = async () => {
    for (let one = found[next++]; one; one = found[next++]) one.load = await loadOf(one.session.id)
  }
  await Promise.all(Array.from({ length: AT_ONCE }, work))
  return found
}

async function loadOf(id: string): Promise<BookingSchemas['Load'] | null> {
  try {
    return await ask(booking.GET('/api/v1/sessions/{session_id}/load', { params: { path: { session_id: id } } }))
  } catch (error) {
    if (error instanceof Problem && error.status === 404) return null
    throw error
  }
}

export function rowName(session: Session): string {
  return `${session.doctor.name} ${clock(session.starts_at)}`
}

/** A number with so many decimals; a dash for what is not known: it was not measured, and is no zero. */
export function known(value: number | null | undefined, decimals = 1): string {
  return value === null || value === undefined ? '–' : value.toFixed(decimals)
}

export function percent(share: number | null | undefined): string {
  return share === null || share === undefined ? '–' : `${(share * 100).toFixed(0)}%`
}
