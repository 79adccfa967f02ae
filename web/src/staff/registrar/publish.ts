/** The form by which one session is published: what stands in it, what it becomes, and what is wrong before it is sent. */

import type { ScheduleSchemas, Session } from '@/api'
import { addDays } from '@/shared/format'

export type PublishSession = ScheduleSchemas['PublishSession']
export type Draft = ScheduleSchemas['Draft']
export const CHANNELS = ['referral', 'window', 'follow_up'] as const

export interface SegmentForm {
  /** 08:30 */
  starts: string
  ends: string
  capacity: number
  blocked: number
  referral: number
  window: number
  follow_up: number
}

export interface SessionForm {
  doctor_id: string
  /** '': the doctor's own. */
  department_id: string
  code: string
  /** Whether the server has something under this code: then the next version of it is sent. */
  known: boolean
  /** What it has; rosters may begin with 0. */
  version: number
  date: string
  period: Session['period']
  room: string
  /** Yuan, as it is typed in. */
  fee: string
  grade: string
  policy: Session['policy']
  /** Beijing's time: 2026-12-01T08:30; '' where the hospital's rules say it. */
  release_at: string
  draw_at: string
  cancel_before: string
  urgent: boolean
  segments: SegmentForm[]
}

export interface Plan {
  from: string
  to: string
  minutes: number
  capacity: number
}

/** A fault: the words are `registrar.faults.<code>`; segment: which one, from 1. */
export interface Fault {
  field: string
  code: string
  segment?: number
}

export const USUAL: Record<Session['period'], Plan> = {
  morning: { from: '08:00', to: '11:30', minutes: 30, capacity: 5 },
  afternoon: { from: '13:30', to: '17:00', minutes: 30, capacity: 5 },
  evening: { from: '18:00', to: '20:00', minutes: 30, capacity: 5 },
}

export function emptyForm(date: string, period: Session['period'] = 'morning'): SessionForm {
  return {
    doctor_id: '',
    department_id: '',
    code: '',
    known: false,
    version: 0,
    date,
    period,
    room: '',
    fee: '50',
    grade: '',
    policy: 'first_come',
    release_at: `${addDays(date, -7)}T08:30`,
    draw_at: '',
    cancel_before: '',
    urgent: false,
    segments: segmentsOf(USUAL[period]),
  }
}

function minuteOf(clock: string): number {
  const [hours, minutes] = clock.split(':').map(Number)
  return (hours ?? NaN) * 60 + (minutes ?? NaN)
}

/** An end: midnight is that of the next day. */
function endOf(clock: string): number {
  return clock === '00:00' ? 24 * 60 : minuteOf(clock)
}

function clockOf(minute: number): string {
  return `${String(Math.floor(minute / 60) % 24).padStart(2, '0')}:${String(minute % 60).padStart(2, '0')}`
}

/** Equal segments; the last one may be shorter. None where the plan makes no sense. */
export function segmentsOf({ from, to, minutes, capacity }: Plan): SegmentForm[] {
  const [first, last] = [minuteOf(from), endOf(to)]
  if (!(minutes >= 1) || !(last > first)) return []
  const count = Math.min(200, Math.ceil((last - first) / minutes))
  return Array.from({ length: count }, (_, n) => ({
    starts: clockOf(first + n * minutes),
    ends: clockOf(Math.min(last, first + (n + 1) * minutes)),
    capacity,
    blocked: 0,
    referral: 0,
    window: 0,
    follow_up: 0,
  }))
}

/** Fen of what is typed in as yuan, exactly; null for what is no amount. */
export function fenOf(yuan: string): number | null {
  const match = /^([0-9]{1,7})(?:\.([0-9]{1,2}))?$/.exec(yuan.trim())
  return match ? Number(match[1]) * 100 + Number((match[2] ?? '').padEnd(2, '0')) : null
}

function yuanOf(fen: number): string {
  const [yuan, rest] = [Math.floor(fen / 100), fen % 100]
  return rest ? `${yuan}.${String(rest).padStart(2, '0')}` : String(yuan)
}

const MADE_HERE = 'own_' // a hospital's snapshot, which does not know them, stops none of these
const LONGEST_CODE = 64

/** A code of our own: told apart by doctor, day and part of the day, so that two registrars do not make one session twice. */
export function codeOf(doctor: string, form: SessionForm): string {
  const when = `-${form.date.replaceAll('-', '')}-${form.period}`
  return `${MADE_HERE}${doctor.slice(0, LONGEST_CODE - MADE_HERE.length - when.length)}${when}`
}

export function faultsOf(form: SessionForm): Fault[] {
  const faults: Fault[] = []
  const needed = ['doctor_id', 'date', 'release_at', ...(form.policy === 'first_come' ? [] : ['draw_at'])] as const
  for (const field of needed) if (!form[field as 'date']) faults.push({ field, code: 'missing' })
  if (fenOf(form.fee) === null) faults.push({ field: 'fee', code: 'money' })
  if (!form.segments.length) faults.push({ field: 'slots', code: 'noSegments' })
  form.segments.forEach((s, n) => {
    const segment = n + 1
    const before = form.segments[n - 1]
    if (!(endOf(s.ends) > minuteOf(s.starts))) faults.push({ field: 'slots', code: 'endsBefore', segment })
    else if (before && minuteOf(s.starts) < endOf(before.ends)) faults.push({ field: 'slots', code: 'overlap', segment })
    const numbers = [s.capacity, s.blocked, s.referral, s.window, s.follow_up]
    if (numbers.some((x) => !Number.isInteger(x) || x < 0) || s.capacity < 1) faults.push({ field: 'slots', code: 'number', segment })
    else if (s.blocked + s.referral + s.window + s.follow_up > s.capacity) faults.push({ field: 'slots', code: 'above', segment })
  })
  return faults
}

/** Whole minutes are typed in; what came otherwise keeps its seconds. */
const beijing = (local: string) => `${local}${/T\d\d:\d\d$/.test(local) ? ':00' : ''}+08:00`
const localOf = (time: string | null) => (time ?? '').replace(/(:00)?\+08:00$/, '')

/** What stands in the form to go on with a draft. */
export function formOf(draft: Draft): SessionForm {
  return {
    doctor_id: draft.doctor.id,
    department_id: draft.department_id ?? '',
    code: draft.code,
    known: true,
    version: draft.version,
    date: draft.date,
    period: draft.period,
    room: draft.room,
    fee: yuanOf(draft.fee.amount),
    grade: draft.grade ?? '',
    policy: draft.policy,
    release_at: localOf(draft.release_at),
    draw_at: localOf(draft.draw_at),
    cancel_before: localOf(draft.cancel_before),
    urgent: draft.urgent,
    segments: draft.slots.map(segmentOf),
  }
}

function segmentOf({ starts_at, ends_at, capacity, blocked, quotas }: Draft['slots'][number]): SegmentForm {
  const { referral = 0, window = 0, follow_up = 0 } = quotas
  return { starts: localOf(starts_at).slice(11), ends: localOf(ends_at).slice(11), capacity, blocked, referral, window, follow_up }
}

/** What is sent. The form has no faults. */
export function bodyOf(form: SessionForm, draft: boolean): PublishSession {
  const body: PublishSession = {
    doctor_id: form.doctor_id,
    code: form.code,
    version: form.version + 1,
    date: form.date,
    period: form.period,
    room: form.room.trim(),
    fee: { amount: fenOf(form.fee)!, currency: 'CNY' },
    policy: form.policy,
    release_at: beijing(form.release_at),
    urgent: form.urgent,
    draft,
    slots: form.segments.map((s) => slotOf(form.date, s)),
  }
  if (form.department_id) body.department_id = form.department_id
  if (form.grade.trim()) body.grade = form.grade.trim()
  if (form.policy !== 'first_come') body.draw_at = beijing(form.draw_at)
  if (form.cancel_before) body.cancel_before = beijing(form.cancel_before)
  return body
}

/** Whether this draft is what was sent, in whatever version, as a draft or not. */
export function holds(draft: Draft, sent: PublishSession): boolean {
  const content = (body: PublishSession) => JSON.stringify({ ...body, version: 0, draft: true })
  return content(bodyOf(formOf(draft), true)) === content(sent)
}

function slotOf(date: string, s: SegmentForm): PublishSession['slots'][number] {
  const quotas = Object.fromEntries(CHANNELS.filter((c) => s[c] > 0).map((c) => [c, s[c]]))
  return {
    starts_at: beijing(`${date}T${s.starts}`),
    ends_at: beijing(`${s.ends === '00:00' ? addDays(date, 1) : date}T${s.ends}`),
    capacity: s.capacity,
    blocked: s.blocked,
    ...(Object.keys(quotas).length ? { quotas } : {}),
  }
}
