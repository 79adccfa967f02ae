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

/** From, to and step of the numbers that are asked for, as they are typed in. */
export const RANGES: Record<string, readonly [number, number, number]> = {
  'given.doctors': [1, 30, 1],
  'given.minutes': [15, 1440, 1],
  'given.service_minutes': [0.5, 240, 0.5],
  'given.service_cv': [0.05, 3, 0.05],
  'given.no_show': [0, 100, 1],
  'given.late_minutes': [-240, 240, 1],
  'given.late_spread_minutes': [0, 240, 1],
  'given.walk_ins': [0, 120, 0.1],
  'given.priority': [0, 60, 0.05],
  'given.emergencies': [0, 60, 0.05],
  'alternative.doctors': [1, 30, 1],
  'alternative.minutes': [15, 1440, 1],
  target: [1, 1440, 1],
  most: [1, 30, 1],
  runs: [20, 1000, 1],
}
const WHOLE = /doctors$|^most$|^runs$/
const MOST_SEGMENTS = 96
const LAST_START = 1440
const MOST_APPOINTMENTS = 400

export function rangeOf(field: string): (typeof RANGES)[string] | undefined {
  return RANGES[field.replace(/^alternatives\.\d+/, 'alternative')]
}

function fits(field: string, value: unknown): boolean {
  const [from, to] = rangeOf(field)!
  return typeof value === 'number' && value >= from && value <= to && (Number.isInteger(value) || !WHOLE.test(field))
}

/** Which field of the form the API means; '' if none. */
export function fieldOf(path: string): string {
  const names: Record<string, string> = { target_p90: 'target', most_doctors: 'most', runs: 'runs', 'base.department_id': 'department', 'base.date': 'date', 'base.session_id': 'session' }
  const plain = path.replace(/\[(\d+)\]/g, '.$1')
  return names[plain] ?? /^(?:base\.)?(given\.\w+|alternatives\.\d+\.\w+)/.exec(plain)?.[1] ?? ''
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
  const possible = segments.every((s) => s.starts <= LAST_START && s.appointments <= MOST_APPOINTMENTS)
  return possible && segments.length <= MOST_SEGMENTS ? segments : null
}

export function textOf(segments: Segment[]): string {
  return segments.map((s) => `${Math.round(s.starts * 10) / 10}:${s.appointments}`).join(' ')
}

/** The names of the fields that are wrong. */
export function wrongIn(form: PlanForm): string[] {
  const wrong: string[] = []
  if (form.kind === 'session' && !form.session.trim()) wrong.push('session')
  if (form.kind === 'department') for (const name of ['department', 'date'] as const) if (!form[name]) wrong.push(name)
  if (form.kind === 'given') {
    if (!segmentsOf(form.given.segments)?.length) wrong.push('given.segments')
    for (const field of Object.keys(RANGES)) if (field.startsWith('given.') && !fits(field, form.given[field.slice(6) as keyof NumbersForm])) wrong.push(field)
  }
  form.alternatives.forEach((a, n) => {
    for (const name of ['doctors', 'minutes'] as const) if (a[name] !== '' && !fits(`alternatives.${n}.${name}`, a[name])) wrong.push(`alternatives.${n}.${name}`)
    if (segmentsOf(a.segments) === null) wrong.push(`alternatives.${n}.segments`)
    if (!a.name.trim()) wrong.push(`alternatives.${n}.name`)
  })
  for (const name of ['target', 'most', 'runs'] as const) if ((name !== 'target' || form.target !== '') && !fits(name, form[name])) wrong.push(name)
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
