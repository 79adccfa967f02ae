/** A roster from a file: read and counted before it is sent, sent in parts, and what came of it put together again. */

import type { ScheduleSchemas } from '@/api'
import { Refused, rosterOfCsv, type LineFault } from './csv'

export type Summary = ScheduleSchemas['RosterSummary']
export type ResultRow = ScheduleSchemas['RosterRow'] & { line?: number }
export const PART = 500
export const LARGEST = 16 * 1024 * 1024

export interface Document {
  [name: string]: unknown
}

/** What a file holds. `document` is sent; `faults` are lines of a CSV that are not. */
export interface Read {
  name: string
  kind: 'csv' | 'roster' | 'event'
  document: Document
  counts: { departments: number; doctors: number; sessions: number }
  /** Days whose other sessions will be stopped. */
  snapshot: { from: string; to: string } | null
  lines: number[]
  faults: LineFault[]
}

export interface Outcome {
  status: Summary['status']
  applied: number
  unchanged: number
  rejected: number
  kept: number
  more: number
  rows: ResultRow[]
  rosters: string[]
}

export interface Part {
  part: Document
  /** The place of its first session in the file. */
  first: number
}

/** Of whom and how a CSV, which does not say so itself, is sent. */
export interface Sender {
  /** The hospital's code. */
  hospital: string
  /** One for each file that is sent. */
  id: string
  /** Of all rows: greater than before. */
  version: number
}

/** Raises Refused with the code of the fault. */
export function readFile(name: string, bytes: ArrayBuffer, sender: Sender): Read {
  if (bytes.byteLength > LARGEST) throw new Refused('', 'too_large', '')
  const csv = !/^\s*[{[]/.test(new TextDecoder().decode(bytes.slice(0, 200)).replace(/^\uFEFF/, ''))
  const text = decode(bytes, csv)
  if (csv) {
    const { departments, doctors, sessions, lines, faults } = rosterOfCsv(text, sender.version)
    return { ...readOf(name, eventOf(sender, { departments, doctors, sessions })), kind: 'csv', lines, faults }
  }
  let document: unknown
  try {
    document = JSON.parse(text)
  } catch (error) {
    throw notJson(error)
  }
  if (typeof document !== 'object' || !document || Array.isArray(document)) throw new Refused('', 'no_object', '')
  const named = hospitalOf(document as Document)
  if (named && named !== sender.hospital) throw new Refused('', 'not_this_hospital', named)
  return readOf(name, document as Document)
}

/** Browsers say in English what they stumble over; some say in which line. */
function notJson(error: unknown): Refused {
  const line = /\bline (\d+)/.exec(String(error))?.[1]
  return line ? new Refused('', 'not_json_at', line) : new Refused('', 'not_json', '')
}

const EPOCH = Date.UTC(2020, 0, 1)
/**
 * The version of a CSV's rows, which name none: one that is read later has a greater one. It counts seconds, as a corrected file may come
 * soon, and from 2020, as the API's versions end at 2^31; all are greater than the minutes since 1970 that were counted before.
 */
export function versionAt(time: number): number {
  return Math.floor((time - EPOCH) / 1000)
}

/** The code of the hospital that a roster or an event names, or ''. */
function hospitalOf(document: Document): string {
  const data = (isEvent(document) ? document.data : document) as { hospital?: { code?: unknown } } | null | undefined
  const code = data?.hospital?.code ?? document.subject
  return typeof code === 'string' ? code : ''
}

function decode(bytes: ArrayBuffer, csv: boolean): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
  } catch {
    if (!csv) throw new Refused('', 'bad_encoding', '')
  }
  try {
    return new TextDecoder('gb18030', { fatal: true }).decode(bytes) // as Excel saves it in China
  } catch {
    throw new Refused('', 'bad_encoding', '')
  }
}

function readOf(name: string, document: Document): Read {
  const data = (isEvent(document) ? document.data : document) as Document | undefined
  const count = (kind: string) => (Array.isArray(data?.[kind]) ? data[kind].length : 0)
  const counts = { departments: count('departments'), doctors: count('doctors'), sessions: count('sessions') }
  return { name, kind: isEvent(document) ? 'event' : 'roster', document, counts, snapshot: windowOf(data?.window), lines: [], faults: [] }
}

/** It says which sessions will be stopped: one that nobody could read out is not sent. */
function windowOf(window: unknown): Read['snapshot'] {
  if (window === undefined || window === null) return null
  const { from, to } = window as { from?: unknown; to?: unknown }
  if (!isDay(from) || !isDay(to)) throw new Refused('', 'bad_window', '')
  return { from, to }
}

const isDay = (text: unknown): text is string => typeof text === 'string' && /^\d{4}-\d{2}-\d{2}$/.test(text) && String(new Date(`${text}T00:00Z`).toJSON()).startsWith(text)

function eventOf({ hospital, id }: Sender, data: Document): Document {
  const type = 'haoyuan.roster.roster_published.v1'
  return { specversion: '1.0', id, source: `/hospitals/${hospital}/pages`, type, subject: hospital, data }
}

const isEvent = (document: Document) => 'specversion' in document

/** One after the other: first what sessions refer to, then some hundreds of sessions each. Snapshots go as they are. */
export function partsOf(document: Document): Part[] {
  const data = Object(isEvent(document) ? document.data : document) as Document
  const sessions = data.sessions
  if ('window' in data || 'part' in data || !Array.isArray(sessions) || sessions.length <= PART) return [{ part: document, first: 0 }]
  const parts: Part[] = []
  for (let first = 0; first < sessions.length; first += PART) {
    const some = { sessions: sessions.slice(first, first + PART) as unknown[] }
    if (isEvent(document)) parts.push({ part: { ...document, id: `${String(document.id)}-${first}`, data: first ? some : { ...data, ...some } }, first })
    else parts.push({ part: first ? { hospital: data.hospital, ...some } : { ...data, ...some }, first })
  }
  return parts
}

/** What came of the parts, as of one; rows are named by their places in the file. */
export function outcomeOf(answers: { summary: Summary; first: number }[], read: Pick<Read, 'lines' | 'faults'>): Outcome {
  const sum: Outcome = { status: 'applied', applied: 0, unchanged: 0, rejected: 0, kept: 0, more: 0, rows: [], rosters: [] }
  for (const { summary, first } of answers) {
    for (const name of ['applied', 'unchanged', 'rejected', 'kept', 'more'] as const) sum[name] += summary[name]
    sum.rosters.push(summary.roster_id)
    for (const row of summary.rows) sum.rows.push(placed(row, first, read.lines))
  }
  for (const fault of read.faults) sum.rows.push(rowOf(fault))
  sum.rejected += unread(read.faults)
  const statuses = new Set(answers.map(({ summary }) => summary.status))
  if (statuses.size === 1 && !read.faults.length) sum.status = [...statuses][0]!
  else sum.status = sum.applied || sum.unchanged ? 'partial' : 'rejected'
  sum.rows.sort((a, b) => (a.severity === b.severity ? 0 : a.severity === 'error' ? -1 : 1))
  return sum
}

/** How many lines of a CSV are not read. */
export const unread = (faults: LineFault[]) => faults.reduce((sum, { lines }) => sum + lines, 0)

function rowOf({ line, column, code, text }: LineFault): ResultRow {
  return { path: column, code, message: text, severity: 'error', session_id: null, line }
}

function placed(row: ScheduleSchemas['RosterRow'], first: number, lines: number[]): ResultRow {
  const match = /^sessions\[(\d+)\](.*)$/.exec(row.path)
  if (!match) return row
  const index = Number(match[1]) + first
  return { ...row, path: `sessions[${index}]${match[2]}`, line: lines[index] }
}
