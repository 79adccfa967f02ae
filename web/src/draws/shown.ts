/** Whether a record is of the session as it stands beside it: a record that was made up whole agrees with itself, not with that. */

import type { Session } from '@/api'
import type { DrawRecord } from './record'

export type Differing = 'hospital' | 'department' | 'doctor' | 'date' | 'time' | 'period' | 'policy' | 'closes' | 'segments'

/** In what they differ. A session may have been changed after its draw; a difference is for people to look into. */
export function differences(record: Pick<DrawRecord, 'session' | 'policy' | 'closes_at' | 'segments'>, session: Session): Differing[] {
  const { hospital_id, department_id, doctor_id, date, period, starts_at } = record.session
  const same: Record<Differing, boolean> = {
    hospital: hospital_id === session.hospital.id,
    department: department_id === session.department.id,
    doctor: doctor_id === session.doctor.id,
    date: date === session.date,
    time: sameTime(starts_at, session.starts_at),
    period: period === session.period,
    policy: record.policy === session.policy,
    closes: session.draw_at !== null && sameTime(record.closes_at, session.draw_at),
    segments: record.segments.every((segment) => fits(segment, session)),
  }
  return (Object.keys(same) as Differing[]).filter((name) => !same[name])
}

/** Numbers may have been set aside, so that fewer than all were drawn; never more. */
function fits({ id, starts_at, numbers }: DrawRecord['segments'][number], session: Session): boolean {
  const slot = session.slots.find((one) => one.id === id)
  return slot !== undefined && sameTime(starts_at, slot.starts_at) && numbers <= slot.capacity
}

/** To the millisecond: records have no more, the API's sessions may. */
function sameTime(a: string, b: string): boolean {
  return Date.parse(a) === Date.parse(b)
}
