/** Which draws are shown on the list of them, and in which order. */

import { all, ask, schedule, type Session } from '@/api'
import { addDays, isoDay } from '@/shared/format'

const BEFORE = 14 // days: how far back the list goes
const MOST = 200 // sessions that are looked through
const SHOWN = 20 // of each list

export interface Lists {
  /** Entries are open, or will be: the one that is drawn soonest first. */
  coming: Session[]
  /** Drawn: the newest first. */
  drawn: Session[]
}

export async function loadDraws(now: number): Promise<Lists> {
  const date_from = addDays(isoDay(now), -BEFORE)
  const of = (policy: 'lottery' | 'weighted') =>
    all((cursor) => ask(schedule.GET('/api/v1/sessions', { params: { query: { policy, date_from, cursor, limit: 100 } } })), MOST)
  const [lotteries, weighted] = await Promise.all([of('lottery'), of('weighted')])
  return sorted([...lotteries, ...weighted], now)
}

export function sorted(sessions: Session[], now: number): Lists {
  const at = (session: Session) => Date.parse(session.draw_at ?? session.starts_at)
  const shown = sessions.filter((session) => session.policy !== 'first_come')
  return {
    coming: shown.filter((session) => at(session) > now && session.state !== 'stopped').sort((a, b) => at(a) - at(b)).slice(0, SHOWN),
    drawn: shown.filter((session) => at(session) <= now).sort((a, b) => at(b) - at(a)).slice(0, SHOWN),
  }
}
