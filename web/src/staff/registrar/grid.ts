/** The roster as a grid: departments, their doctors, and what each does on each day. */

import type { Session, ScheduleSchemas } from '@/api'
import { addDays } from '@/shared/format'

export type Doctor = ScheduleSchemas['Doctor']

export interface Wanted {
  department: string
  /** A part of a doctor's name. */
  doctor: string
  period: string
  state: string
  /** Doctors without sessions, too: where something is to be added. */
  everybody: boolean
}

export interface Row {
  doctor: { id: string; name: string; title: string }
  /** One for each day, each in the order of time. */
  cells: Session[][]
}

export interface Block {
  department: { id: string; name: string }
  rows: Row[]
}

export interface Totals {
  sessions: number
  capacity: number
  remaining: number
  stopped: number
}

export function daysFrom(first: string, count: number): string[] {
  return Array.from({ length: count }, (_, n) => addDays(first, n))
}

/** The Monday of the week in which a day lies. */
export function mondayOf(day: string): string {
  const weekday = new Date(`${day}T12:00:00Z`).getUTCDay()
  return addDays(day, -((weekday + 6) % 7))
}

export function chosen(sessions: Session[], wanted: Wanted): Session[] {
  return sessions.filter(
    (s) =>
      (!wanted.department || s.department.id === wanted.department) &&
      (!wanted.period || s.period === wanted.period) &&
      (!wanted.state || s.state === wanted.state) &&
      s.doctor.name.includes(wanted.doctor.trim()),
  )
}

/** Blocks by the name of the department; doctors as the hospital lists them, then those that it does not list there. */
export function gridOf(sessions: Session[], doctors: Doctor[], days: string[], wanted: Wanted): Block[] {
  const blocks = new Map<string, Block & { known: Map<string, Row> }>()
  const rowOf = (department: Block['department'], doctor: Row['doctor']): Row => {
    let block = blocks.get(department.id)
    if (!block) blocks.set(department.id, (block = { department, rows: [], known: new Map() }))
    let row = block.known.get(doctor.id)
    if (!row) {
      row = { doctor, cells: days.map(() => []) }
      block.known.set(doctor.id, row)
      block.rows.push(row)
    }
    return row
  }
  const place = new Map(days.map((day, n) => [day, n]))
  const shown = chosen(sessions, wanted).filter((s) => place.has(s.date))
  const working = new Set(shown.map((s) => `${s.department.id} ${s.doctor.id}`))
  for (const d of doctors) {
    const fits = (!wanted.department || d.department_id === wanted.department) && d.name.includes(wanted.doctor.trim())
    if (working.has(`${d.department_id} ${d.id}`) || (wanted.everybody && fits))
      rowOf({ id: d.department_id, name: d.department_name }, { id: d.id, name: d.name, title: d.title })
  }
  for (const s of shown) rowOf(s.department, s.doctor).cells[place.get(s.date)!]!.push(s)
  for (const block of blocks.values())
    for (const row of block.rows) for (const cell of row.cells) cell.sort((a, b) => a.starts_at.localeCompare(b.starts_at))
  return [...blocks.values()]
    .map(({ department, rows }) => ({ department, rows }))
    .sort((a, b) => a.department.name.localeCompare(b.department.name, 'zh-CN'))
}

/** What is stopped has no numbers. */
export function totals(sessions: Session[]): Totals {
  const sum = { sessions: sessions.length, capacity: 0, remaining: 0, stopped: 0 }
  for (const s of sessions) {
    if (s.state === 'stopped') sum.stopped++
    else {
      sum.capacity += s.capacity
      sum.remaining += s.remaining
    }
  }
  return sum
}

/** How a state is coloured; its words stand beside it. */
export function toneOf(state: Session['state']): '' | 'good' | 'warn' | 'bad' {
  return ({ open: 'good', sold_out: 'warn', stopped: 'bad' } as Record<string, 'good' | 'warn' | 'bad'>)[state] ?? ''
}
