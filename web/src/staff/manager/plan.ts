/** The planner's form: what is typed in, and the question that it becomes. Times are minutes here, and seconds on the wire. */

import type { BookingSchemas } from '@/api'

export type WhatIf = BookingSchemas['WhatIf']
export type Segment = BookingSchemas['Segment']
type Numbers = BookingSchemas['Numbers']

export interface AlternativeForm {
  name: string
  /** '' in a field: as in the base. */
  doctors: number | ''
  minutes: number | ''
  /** 0:10 30:10 */
  segments: string
}

export interface NumbersForm extends Omit<Numbers, 'segments' | 'no_show'> {
  segments: string
  /** Percent. */
  no_show: number
}

export interface PlanForm {
  kind: 'session' | 'department' | 'given'
  session: string
  department: string
  date: string
  period: 'morning' | 'afternoon' | 'evening'
  given: NumbersForm
  alternatives: AlternativeForm[]
  /** Minutes; '': do not look for the fewest doctors. */
  target: number | ''
  most: number
  runs: number
}

export const MOST_ALTERNATIVES = 8
/** A morning of 210 minutes, ten patients each half an hour. */
const USUAL = '0:10 30:10 60:10 90:10 120:10 150:10 180:10'

export function emptyPlan(date: string): PlanForm {
  return {
    kind: 'department',
    session: '',
    department: '',
    date,
    period: 'morning',
    given: {
      segments: USUAL,
      minutes: 210,
      doctors: 3,
      service_minutes: 8,
      service_cv: 0.6,
      no_show: 10,
      late_minutes: -10,
      late_spread_minutes: 10,
      walk_ins: 0.5,
      priority: 0.1,
      emergencies: 0.05,
      discipline: 'priority',
    },
    alternatives: [],
    target: 30,
    most: 10,
    runs: 400,
  }
}

/** "0:10 30:10": ten people are asked to come at the beginning, ten after half an hour. null for what is none. */
export function segmentsOf(text: string): Segment[] | null {
  const items = text.split(/[\s,;，；]+/).filter(Boolean)
  const segments: Segment[] = []
  for (const item of items) {
    const match = /^(\d{1,4}(?:\.\d+)?)[:：](\d{1,3})$/.exec(item)
    if (!match) return null
    segments.push({ starts: Number(match[1]), appointments: Number(match[2]) })
  }
  return segments
}

export function textOf(segments: Segment[]): string {
  return segments.map((s) => `${Math.round(s.starts * 10) / 10}:${s.appointments}`).join(' ')
}

/** The names of the fields that are wrong. */
export function wrongIn(form: PlanForm): string[] {
  const wrong: string[] = []
  if (form.kind === 'session' && !form.session.trim()) wrong.push('session')
  if (form.kind === 'department') for (const name of ['department', 'date'] as const) if (!form[name]) wrong.push(name)
  if (form.kind === 'given' && !segmentsOf(form.given.segments)?.length) wrong.push('given.segments')
  form.alternatives.forEach((a, n) => segmentsOf(a.segments) === null && wrong.push(`alternatives.${n}.segments`))
  return wrong
}

export function questionOf(form: PlanForm): WhatIf {
  return {
    base: baseOf(form),
    alternatives: form.alternatives.map((a) => ({
      name: a.name,
      doctors: a.doctors === '' ? null : a.doctors,
      minutes: a.minutes === '' ? null : a.minutes,
      segments: a.segments.trim() ? segmentsOf(a.segments) : null,
    })),
    target_p90: form.target === '' ? null : form.target * 60,
    most_doctors: form.most,
    runs: form.runs,
  }
}

function baseOf(form: PlanForm): WhatIf['base'] {
  const none = { session_id: null, department_id: null, date: null, period: null, given: null }
  if (form.kind === 'session') return { ...none, session_id: form.session.trim() }
  if (form.kind === 'department') return { ...none, department_id: form.department, date: form.date, period: form.period }
  const { segments, no_show, ...rest } = form.given
  return { ...none, given: { ...rest, no_show: no_show / 100, segments: segmentsOf(segments)! } }
}

/** What is not a number in a field that may be empty is ''. */
export function usual(change: { doctors?: number; minutes?: number }, name: string): AlternativeForm {
  return { name, doctors: change.doctors ?? '', minutes: change.minutes ?? '', segments: '' }
}
