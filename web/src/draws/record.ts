/** Reads a record or a receipt as docs/draws.md defines them. Strict: what that page does not allow is refused, with its place. */

import { readJson, NoJson, type Json, type Members } from './json'

export const RECORD = 'haoyuan-draw/1'
export const RECEIPT = 'haoyuan-receipt/1'
const MOST = 1_000_000_000
const MOST_WEIGHT = 1_000_000

/** What is wrong with a value: `what` is a key of our words. */
export type Fault = 'json' | 'format' | 'open' | 'object' | 'lacks' | 'unknown' | 'text' | 'hex' | 'time' | 'pseudonym' | 'policy' | 'whole' | 'flag' | 'list' | 'entry'

/** It is none, or not as the specification says. */
export class Unfit extends Error {
  readonly what: Fault
  readonly at: string
  constructor(what: Fault, at = '') {
    super(`${what} ${at}`)
    this.what = what
    this.at = at
  }
}

export interface Segment {
  id: string
  starts_at: string
  numbers: number
}

export interface Entry {
  seq: number
  pseudonym: string
  weight: number
}

export interface DrawRecord {
  session: Record<'id' | 'hospital_id' | 'department_id' | 'doctor_id' | 'date' | 'period' | 'starts_at', string>
  policy: 'lottery' | 'weighted'
  opens_at: string
  closes_at: string
  drawn_at: string
  commitment: string
  seed: string
  segments: Segment[]
  numbers: number
  entrants: number
  entries: Entry[]
  root: string
  ranking: number[]
  winners: number
  digest: string
  /** As it was read: what the digest is of. */
  document: Members
}

/** What an entrant is told while entries are open. */
export interface Entered {
  session_id: string
  entry: Entry
  parts: { name: string; points: number }[]
  commitment: string
}

/** An entrant's proof that she is in the list. */
export interface Receipt extends Entered {
  index: number
  entrants: number
  path: string[]
  root: string
  digest: string
  rank: number
  won: boolean
}

export const isReceipt = (kept: Receipt | Entered): kept is Receipt => 'root' in kept

/** Raises Unfit. */
export function readRecord(bytes: Uint8Array): DrawRecord {
  const document = parse(bytes)
  expectFormat(document, RECORD)
  return { ...object(document, 'record', RECORD_MEMBERS, ['format']), document } as unknown as DrawRecord
}

/** A receipt from after the draw, or one from before it. Raises Unfit. */
export function readReceipt(bytes: Uint8Array): Receipt | Entered {
  const document = parse(bytes)
  const open = document.get('state') === 'open'
  if (document.get('format') !== RECEIPT) throw new Unfit('format', 'format')
  const members = object(document, 'receipt', open ? ENTERED_MEMBERS : RECEIPT_MEMBERS, open ? ['format', 'state'] : ['format'])
  const { seq, pseudonym, weight, ...rest } = members
  return { ...rest, entry: { seq, pseudonym, weight } } as unknown as Receipt | Entered
}

function parse(bytes: Uint8Array): Members {
  try {
    const document = readJson(bytes)
    if (document instanceof Map) return document
  } catch (error) {
    if (!(error instanceof NoJson)) throw error
  }
  throw new Unfit('json')
}

function expectFormat(document: Members, wanted: string): void {
  if (document.get('format') !== wanted) throw new Unfit('format', 'format')
  if (document.get('state') === 'open') throw new Unfit('open')
}

// --- kinds of values

type Read<T> = (value: Json | undefined, at: string) => T

function object(value: Json | undefined, at: string, members: Record<string, Read<unknown>>, besides: string[] = []): Record<string, unknown> {
  if (!(value instanceof Map)) throw new Unfit('object', at)
  for (const name of Object.keys(members)) if (!value.has(name)) throw new Unfit('lacks', name)
  for (const name of value.keys()) if (!(Object.hasOwn(members, name) || besides.includes(name))) throw new Unfit('unknown', name)
  return Object.fromEntries(Object.entries(members).map(([name, read]) => [name, read(value.get(name), name)]))
}

function matching(pattern: RegExp, what: Fault): Read<string> {
  return (value, at) => {
    if (typeof value !== 'string' || !pattern.test(value)) throw new Unfit(what, at)
    return value
  }
}

// ASCII without the quote and the backslash: every JSON writer writes it alike
const text = matching(/^[\x20\x21\x23-\x5b\x5d-\x7e]{0,128}$/, 'text')
const hex = matching(/^[0-9a-f]{64}$/, 'hex')
const pseudonym = matching(/^[0-9A-Za-z_-]{1,64}$/, 'pseudonym')
const policy = matching(/^(lottery|weighted)$/, 'policy')

const time: Read<string> = (value, at) => {
  const written = text(value, at)
  if (!instant(written)) throw new Unfit('time', at)
  return written
}

function whole(least: number, most = MOST): Read<number> {
  return (value, at) => {
    if (typeof value !== 'number' || value < least || value > most) throw new Unfit('whole', at)
    return value
  }
}

const count = whole(0)
const number = whole(1)
const weight = whole(1, MOST_WEIGHT)

const flag: Read<boolean> = (value, at) => {
  if (typeof value !== 'boolean') throw new Unfit('flag', at)
  return value
}

function list<T>(read: Read<T>): Read<T[]> {
  return (value, at) => {
    if (!Array.isArray(value)) throw new Unfit('list', at)
    return value.map((item, i) => read(item, `${at}[${i}]`))
  }
}

const entry: Read<Entry> = (value, at) => {
  if (!Array.isArray(value) || value.length !== 3) throw new Unfit('entry', at)
  return { seq: number(value[0], at), pseudonym: pseudonym(value[1], at), weight: weight(value[2], at) }
}

const texts = (...names: string[]): Read<unknown> => (value, at) => object(value, at, Object.fromEntries(names.map((name) => [name, text])))
const segment: Read<unknown> = (value, at) => object(value, at, { id: text, starts_at: time, numbers: count })
const part: Read<unknown> = (value, at) => object(value, at, { name: text, points: count })

const RECORD_MEMBERS = {
  session: texts('id', 'hospital_id', 'department_id', 'doctor_id', 'date', 'period', 'starts_at'),
  policy,
  opens_at: time,
  closes_at: time,
  drawn_at: time,
  commitment: hex,
  seed: hex,
  segments: list(segment),
  numbers: count,
  entrants: count,
  entries: list(entry),
  root: hex,
  ranking: list(number),
  winners: count,
  digest: hex,
}
const ENTERED_MEMBERS = { session_id: text, seq: number, pseudonym, weight, parts: list(part), commitment: hex }
const RECEIPT_MEMBERS = { ...ENTERED_MEMBERS, index: count, entrants: number, path: list(hex), root: hex, digest: hex, rank: number, won: flag }

const RFC3339 = /^(\d{4})-(\d\d)-(\d\d)[Tt ](\d\d):(\d\d):(\d\d)(?:\.(\d+))?(?:[Zz]|([+-])(\d\d):(\d\d))$/

/** A time of RFC 3339: whole seconds since 1970, and what follows the point, to the last digit. undefined if it is none. */
export function instant(written: string): { seconds: number; rest: string } | undefined {
  const hit = RFC3339.exec(written)
  if (!hit) return undefined
  const [year, month, day, hour, minute, second, zoneHour, zoneMinute] = [1, 2, 3, 4, 5, 6, 9, 10].map((i) => Number(hit[i] ?? 0)) as [number, number, number, number, number, number, number, number]
  const date = new Date(0)
  date.setUTCFullYear(year, month - 1, day)
  const exists = year > 0 && date.getUTCMonth() === month - 1 && date.getUTCDate() === day
  if (!exists || hour > 23 || minute > 59 || second > 59 || zoneHour > 23 || zoneMinute > 59) return undefined
  const ahead = (hit[8] === '-' ? -1 : 1) * (zoneHour * 60 + zoneMinute) * 60
  return { seconds: date.getTime() / 1000 + hour * 3600 + minute * 60 + second - ahead, rest: (hit[7] ?? '').replace(/0+$/, '') }
}

/** Below zero if the first is earlier. Both were read as times. */
export function compareTimes(a: string, b: string): number {
  const [x, y] = [instant(a)!, instant(b)!]
  return x.seconds - y.seconds || (x.rest < y.rest ? -1 : x.rest > y.rest ? 1 : 0)
}
