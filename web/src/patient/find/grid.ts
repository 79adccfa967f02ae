/** Two weeks of sessions by day and time of day, and what the lists say of them. */

import type { Session } from '@/api'
import { addDays } from '@/shared/format'
import { bookable, phaseOf, type Timed } from './phase'

export const DAYS = 14
export const PERIODS = ['morning', 'afternoon', 'evening'] as const
export type Period = (typeof PERIODS)[number]

export interface DayRow {
  /** 2026-11-23 */
  day: string
  cells: Record<Period, Session[]>
  empty: boolean
}

/** The days from `today` on. */
export function days(today: string, count = DAYS): string[] {
  return Array.from({ length: count }, (_, n) => addDays(today, n))
}

/** A row for each of the days, whether or not something is on; in a cell the earliest first. Sessions of other days are left out. */
export function gridOf(sessions: readonly Session[], today: string, count = DAYS): DayRow[] {
  const byTime = [...sessions].sort((a, b) => Date.parse(a.starts_at) - Date.parse(b.starts_at))
  return days(today, count).map((day) => {
    const own = byTime.filter((session) => session.date === day)
    const of = (period: Period) => own.filter((session) => session.period === period)
    return { day, cells: { morning: of('morning'), afternoon: of('afternoon'), evening: of('evening') }, empty: own.length === 0 }
  })
}

/** The earliest of which something can be had at `now`. */
export function nextFree<S extends Timed & Pick<Session, 'starts_at'>>(sessions: readonly S[], now: number): S | undefined {
  return soonest(
    sessions.filter((session) => bookable(phaseOf(session, now))),
    (session) => session.starts_at,
  )
}

/** The earliest release that is still to come. */
export function nextRelease<S extends Timed>(sessions: readonly S[], now: number): string | undefined {
  return soonest(
    sessions.filter((session) => phaseOf(session, now) === 'announced'),
    (session) => session.release_at,
  )?.release_at
}

/** How many sessions of each day have something to be had. */
export function freeByDay<S extends Timed & Pick<Session, 'date'>>(sessions: readonly S[], now: number): Map<string, number> {
  const free = new Map<string, number>()
  for (const session of sessions)
    if (bookable(phaseOf(session, now))) free.set(session.date, (free.get(session.date) ?? 0) + 1)
  return free
}

/** Those of which something can be had first, then by time; those that are over last. */
export function usefulFirst(sessions: readonly Session[], now: number): Session[] {
  const rank = (session: Session) => {
    const phase = phaseOf(session, now)
    return bookable(phase) ? 0 : phase === 'closed' || phase === 'stopped' ? 2 : 1
  }
  return [...sessions].sort((a, b) => rank(a) - rank(b) || Date.parse(a.starts_at) - Date.parse(b.starts_at))
}

function soonest<S>(of: readonly S[], time: (one: S) => string): S | undefined {
  return of.reduce<S | undefined>((first, one) => (first === undefined || Date.parse(time(one)) < Date.parse(time(first)) ? one : first), undefined)
}
