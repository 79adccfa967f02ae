/**
 * A CSV roster of dated sessions, as tools/haoyuan-roster reads it (its README names the columns), made into a roster here in the
 * browser. Weekly plans ("周一至周五 08:00-12:00") are left to that tool, which also keeps versions: here each row gets the version
 * that the caller names. A line with a fault is left out and named; the others stand.
 */

import { addDays } from '@/shared/days'

export interface LineFault {
  line: number
  /** How many lines are not read because of it. */
  lines: number
  column: string
  code: string
  text: string
}

interface Row {
  [name: string]: unknown
}

export interface CsvRoster {
  departments: Row[]
  doctors: Row[]
  sessions: Row[]
  /** The line of the file that each session is of. */
  lines: number[]
  faults: LineFault[]
}

const CHINESE: Record<string, string> = {
  医生编号: 'doctor', 医生姓名: 'doctor_name', 职称: 'title', 专长: 'specialty', 科室编号: 'department', 科室名称: 'department_name',
  出诊时间: 'hours', 生效日期: 'valid_from', 截止日期: 'valid_to', 停诊日期: 'except', 日期: 'date', 开始时间: 'start', 结束时间: 'end',
  时段: 'period', 每段分钟: 'slot_minutes', 每段号数: 'capacity', 保留号数: 'blocked', 转诊号数: 'referral', 窗口号数: 'window',
  复诊号数: 'follow_up', 挂号费: 'fee', 放号方式: 'policy', 提前天数: 'release_days', 放号时间: 'release_time', 抽签提前天数: 'draw_days',
  抽签时间: 'draw_time', 诊室: 'room', 号别: 'grade', 急诊: 'urgent', 草稿: 'draft', 标记: 'tag',
}
export const COLUMNS = new Set(Object.values(CHINESE))
export const NEEDED = ['doctor', 'department', 'date', 'start', 'end', 'slot_minutes', 'capacity', 'fee', 'release_days', 'release_time']
const PERIODS: Record<string, string> = { 上午: 'morning', 下午: 'afternoon', 晚上: 'evening', morning: 'morning', afternoon: 'afternoon', evening: 'evening' }
const POLICIES: Record<string, string> = { 先到先得: 'first_come', 摇号: 'lottery', 加权摇号: 'weighted', first_come: 'first_come', lottery: 'lottery', weighted: 'weighted' }
const YES = new Set(['yes', 'y', '1', 'true', '是'])
const NO = new Set(['no', 'n', '0', 'false', '否', ''])
const LONGEST_QUOTE = 40

export interface CsvRecord {
  /** The lines that it begins and ends at. */
  line: number
  last: number
  cells: string[]
  /** A quote is not closed, or text stands beside one: what its cells are can only be guessed. */
  broken: boolean
}

/** The records of a CSV text (RFC 4180; the delimiter that the first line has most of); empty ones are left out. */
export function recordsOf(text: string): CsvRecord[] {
  const first = text.slice(0, text.search(/[\r\n]|$/))
  const delimiter = [',', ';', '\t'].reduce((a, b) => (first.split(b).length > first.split(a).length ? b : a))
  const plain = new RegExp(`[^${delimiter}\\n]*`, 'y')
  const records: CsvRecord[] = []
  let line = 1
  for (let at = 0; at < text.length; at++) {
    const record: CsvRecord = { line, last: line, cells: [], broken: false }
    for (; ; at++) {
      const end = text[at] === '"' ? endOfQuoted(text, at + 1) : -1
      const inside = text.slice(at + 1, Math.max(end, 0)).replaceAll('""', '"')
      plain.lastIndex = end < 0 ? at : Math.min(end + 1, text.length)
      const rest = plain.exec(text)![0].replaceAll('\r', '')
      at = plain.lastIndex
      record.cells.push(end < 0 ? rest : inside)
      if (end >= text.length || (end >= 0 && rest.trim())) record.broken = true
      if (end >= 0) line += inside.split('\n').length - 1
      if (text[at] !== delimiter) break
    }
    record.last = line++
    if (record.broken || record.cells.some((cell) => cell.trim())) records.push(record)
  }
  return records
}

/** Where the closing quote stands; the text's length if there is none. */
function endOfQuoted(text: string, from: number): number {
  for (let at = from; ; at += 2) {
    at = text.indexOf('"', at)
    if (at < 0) return text.length
    if (text[at + 1] !== '"') return at
  }
}

export class Refused extends Error {
  constructor(
    readonly column: string,
    readonly code: string,
    readonly text: string,
  ) {
    super(code)
  }
}

/** Raises Refused for a header that does not do. */
export function rosterOfCsv(text: string, version: number): CsvRoster {
  const [head, ...records] = recordsOf(text.replace(/^\uFEFF/, '').trimEnd())
  const titles = titlesOf(head)
  const made: CsvRoster = { departments: [], doctors: [], sessions: [], lines: [], faults: [] }
  const seen = new Set<string>()
  for (const record of records) {
    try {
      add(made, seen, rowOf(record, titles), record.line, version)
    } catch (fault) {
      if (!(fault instanceof Refused)) throw fault
      const lines = record.broken ? record.last - record.line + 1 : 1
      made.faults.push({ line: record.line, lines, column: fault.column, code: fault.code, text: fault.text })
    }
  }
  return made
}

/** The columns in their order, up to the last one that has a title. */
function titlesOf(head: CsvRecord | undefined): string[] {
  if (head?.broken) throw new Refused('', 'not_csv', linesOf(head))
  const titles = (head?.cells ?? []).map(columnOf)
  while (titles.at(-1) === '') titles.pop()
  const missing = NEEDED.filter((name) => !titles.includes(name))
  if (missing.length) throw new Refused('', 'bad_header', missing.join(', '))
  const twice = titles.filter((name, n) => COLUMNS.has(name) && titles.indexOf(name) < n)
  if (twice.length) throw new Refused('', 'twice', twice.join(', '))
  return titles
}

function rowOf(record: CsvRecord, titles: string[]): Record<string, string> {
  if (record.broken) throw new Refused('', 'not_csv', linesOf(record))
  const more = record.cells.slice(titles.length).filter((cell) => cell.trim())
  if (more.length) throw new Refused('', 'more_cells', more.join(', ').slice(0, LONGEST_QUOTE))
  return Object.fromEntries(titles.map((title, n) => [title, record.cells[n]?.normalize('NFKC').trim() ?? '']))
}

/** The lines that a record takes, if they are several. */
function linesOf({ line, last }: CsvRecord): string {
  return last > line ? `${line}–${last}` : ''
}

function columnOf(title: string): string {
  const plain = title.normalize('NFKC').trim().toLowerCase().replace(/[\s_-]+/g, '_')
  return CHINESE[plain] ?? plain
}

function add(made: CsvRoster, seen: Set<string>, row: Record<string, string>, line: number, version: number): void {
  const get = (name: string) => row[name] ?? ''
  if (get('hours') || get('valid_from')) throw new Refused('hours', 'weekly', get('hours'))
  const session = sessionOf(get, version)
  const once = (kind: string, list: Row[], code: string, rest: Row) => {
    if (seen.has(`${kind} ${code}`)) return
    seen.add(`${kind} ${code}`)
    list.push({ code, version, ...rest })
  }
  if (get('department_name')) once('department', made.departments, get('department'), { name: get('department_name') })
  if (get('doctor_name')) {
    const rest = { name: get('doctor_name'), title: get('title'), specialty: get('specialty'), department: get('department') }
    once('doctor', made.doctors, get('doctor'), rest)
  }
  made.sessions.push(session)
  made.lines.push(line)
}

function sessionOf(get: (name: string) => string, version: number): Row {
  const day = dateOf(get('date'))
  const [start, end] = [clockOf(get, 'start'), clockOf(get, 'end')]
  const step = whole(get, 'slot_minutes', 1, 1440)
  if (start >= end) throw new Refused('end', 'bad_times', get('end'))
  if ((end - start) % step) throw new Refused('slot_minutes', 'bad_slots', get('slot_minutes'))
  const period = get('period') ? one(get, 'period', PERIODS) : start < 720 ? 'morning' : start < 1080 ? 'afternoon' : 'evening'
  const policy = get('policy') ? one(get, 'policy', POLICIES) : 'first_come'
  const session: Row = {
    code: [needed(get, 'doctor'), day.replaceAll('-', ''), period, get('tag')].filter(Boolean).join('-'),
    version,
    doctor: needed(get, 'doctor'),
    department: needed(get, 'department'),
    date: day,
    period,
    room: get('room'),
    policy,
    urgent: flag(get, 'urgent'),
    draft: flag(get, 'draft'),
    fee: { amount: fee(get), currency: 'CNY' },
    release_at: at(addDays(day, -whole(get, 'release_days', 0, 366)), clockOf(get, 'release_time')),
    slots: slotsOf(get, day, start, end, step),
  }
  if (get('grade')) session.grade = get('grade')
  if ((policy !== 'first_come') !== Boolean(get('draw_days') && get('draw_time'))) throw new Refused('draw_time', 'bad_draw', get('draw_time'))
  if (policy !== 'first_come') session.draw_at = at(addDays(day, -whole(get, 'draw_days', 0, 366)), clockOf(get, 'draw_time'))
  return session
}

function slotsOf(get: (name: string) => string, day: string, start: number, end: number, step: number): Row[] {
  const capacity = whole(get, 'capacity', 1, 10_000)
  const optional = (name: string) => (get(name) ? whole(get, name, 0, 10_000) : 0)
  const blocked = optional('blocked')
  const quotas = Object.fromEntries(['referral', 'window', 'follow_up'].map((c) => [c, optional(c)]).filter(([, n]) => n))
  const starts = Array.from({ length: (end - start) / step }, (_, n) => start + n * step)
  return starts.map((t) => ({ starts_at: at(day, t), ends_at: at(day, t + step), capacity, blocked, quotas }))
}

function needed(get: (name: string) => string, name: string): string {
  if (!get(name)) throw new Refused(name, 'missing', '')
  return get(name)
}

export function dateOf(text: string): string {
  const match = /^(\d{4})(?:[-/.年](\d{1,2})[-/.月](\d{1,2})日?|(\d{2})(\d{2}))$/.exec(text)
  const iso = match && `${match[1]}-${(match[2] ?? match[4])!.padStart(2, '0')}-${(match[3] ?? match[5])!.padStart(2, '0')}`
  if (!iso || Number.isNaN(Date.parse(`${iso}T12:00:00Z`)) || addDays(iso, 0) !== iso) throw new Refused('date', 'bad_date', text)
  return iso
}

function clockOf(get: (name: string) => string, name: string): number {
  const match = /^(\d{1,2}):(\d{2})$/.exec(needed(get, name))
  const minutes = match ? Number(match[1]) * 60 + Number(match[2]) : NaN
  if (!(minutes <= 1440) || Number(match?.[2]) > 59) throw new Refused(name, 'bad_time', get(name))
  return minutes
}

function whole(get: (name: string) => string, name: string, least: number, most: number): number {
  const value = /^\d{1,9}$/.test(needed(get, name)) ? Number(get(name)) : NaN
  if (!(value >= least && value <= most)) throw new Refused(name, 'number', get(name))
  return value
}

function fee(get: (name: string) => string): number {
  const match = /^[¥]?\s*(\d{1,7}|\d{1,3}(?:,\d{3})+)(?:\.(\d{0,2})0*)?\s*元?$/.exec(needed(get, 'fee'))
  if (!match) throw new Refused('fee', 'bad_money', get('fee'))
  return Number(match[1]!.replaceAll(',', '')) * 100 + Number((match[2] ?? '').padEnd(2, '0'))
}

function one(get: (name: string) => string, name: string, values: Record<string, string>): string {
  const value = values[get(name).toLowerCase()]
  if (!value) throw new Refused(name, 'choice', get(name))
  return value
}

function flag(get: (name: string) => string, name: string): boolean {
  const value = get(name).toLowerCase()
  if (!YES.has(value) && !NO.has(value)) throw new Refused(name, 'choice', get(name))
  return YES.has(value)
}

/** A time of Beijing; minute 1440 is the next day's midnight. */
function at(day: string, minute: number): string {
  const date = addDays(day, Math.floor(minute / 1440))
  const two = (n: number) => String(n).padStart(2, '0')
  return `${date}T${two(Math.floor((minute % 1440) / 60))}:${two(minute % 60)}:00+08:00`
}
