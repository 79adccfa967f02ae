/** What a search has found. */

import type { ScheduleSchemas, Session } from '@/api'
import { bookable, phaseOf } from './phase'

export type Found = ScheduleSchemas['Found']

/** The sessions of which something can be had and that belong to what was found; all of them if nothing was looked for. */
export function among(sessions: readonly Session[], found: Found | null, now: number): Session[] {
  const free = sessions.filter((session) => bookable(phaseOf(session, now)))
  if (!found) return free
  const ids = new Set([...found.hospitals, ...found.departments, ...found.doctors].map(({ id }) => id))
  return free.filter(({ hospital, department, doctor }) => [hospital, department, doctor].some(({ id }) => ids.has(id)))
}
