/** The sessions of today, as desks and boards choose among them. */

import { ask, schedule, serverNow, type Session } from '@/api'
import { isoDay } from './format'

/** Of a hospital, or of one of its doctors; by when they begin. */
export function sessionsOfToday(hospital_id: string, of: { doctor_id?: string } = {}): Promise<Session[]> {
  const today = isoDay(serverNow())
  const query = { hospital_id, date_from: today, date_to: today, limit: 200, ...of }
  return ask(schedule.GET('/api/v1/sessions', { params: { query } })).then(({ items }) =>
    items.filter((s) => s.state !== 'draft').sort((a, b) => a.starts_at.localeCompare(b.starts_at) || a.doctor.name.localeCompare(b.doctor.name)),
  )
}
