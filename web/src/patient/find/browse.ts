/** What the pages of finding ask of schedule-svc. */

import { all, ask, schedule, serverNow, type Session } from '@/api'
import { addDays, isoDay } from '@/shared/format'
import { DAYS } from './grid'

interface Of {
  hospital_id?: string
  department_id?: string
  doctor_id?: string
}

/** All sessions of these days (2026-11-23), the last one included; `open`: only those of which something can be had. */
export function sessionsOn(first: string, last: string, of: Of = {}, open = false): Promise<Session[]> {
  return all((cursor) =>
    ask(
      schedule.GET('/api/v1/sessions', {
        params: { query: { ...of, date_from: first, date_to: last, limit: 200, open_only: open, ...(cursor ? { cursor } : {}) } },
      }),
    ),
  )
}

/** Those of two weeks, from today in Shanghai on. */
export function twoWeeks(of: Of): Promise<Session[]> {
  const today = isoDay(serverNow())
  return sessionsOn(today, addDays(today, DAYS - 1), of)
}
