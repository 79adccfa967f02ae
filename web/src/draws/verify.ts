/**
 * Repeats a draw from its public record alone, and compares what comes of it with what the record says: docs/draws.md, line by
 * line. Nothing here asks a server.
 */

import { hmac } from '@noble/hashes/hmac.js'
import { sha256 } from '@noble/hashes/sha2.js'
import { bytesToHex, hexToBytes } from '@noble/hashes/utils.js'
import { compare, exponential, uniform, written, type Decimal } from './decimal'
import type { Json, Members } from './json'
import { leafHash, pathOf, rootByPath, rootOf } from './merkle'
import { compareTimes, type DrawRecord, type Entry } from './record'

export type CheckName =
  | 'asked'
  | 'commitment'
  | 'digest'
  | 'times'
  | 'list'
  | 'counts'
  | 'root'
  | 'ranking'
  | 'commitment_known'
  | 'root_known'
  | 'digest_known'
  | 'receipt_known'

/** One thing that was looked at. */
export interface Check {
  name: CheckName
  ok: boolean
  /** What the record says, and what it should say, where that helps; for those who look closely. */
  said?: string
  found?: string
}

/** What one entrant got, and why. */
export interface Result extends Entry {
  rank: number
  u: string
  /** -ln(u)/w; null in a lottery, where u alone decides. */
  key: string | null
  /** The start of the segment in which a number is hers; null: she won none. */
  segment: string | null
}

export interface Verdict {
  checks: Check[]
  /** In the order of the draw as repeated here. */
  results: Result[]
}

/** What is known from elsewhere, and from earlier. */
export interface Known {
  sessionId?: string
  commitment?: string
  root?: string
  digest?: string
}

export const verified = (verdict: Verdict): boolean => verdict.checks.every((check) => check.ok)

/** progress: told now and then how much is done, from 0 to 1. */
export function verify(record: DrawRecord, known: Known = {}, progress: (share: number) => void = () => {}): Verdict {
  const leaves = leavesOf(record)
  const root = rootOf(leaves)
  progress(0.2)
  const results = repeat(record, root, (share) => progress(0.2 + 0.8 * share))
  const checks = [...onPaper(record), ...fromElsewhere(record, known), same('root', record.root, bytesToHex(root)), ranked(record, results)]
  return { checks, results }
}

export function leavesOf(record: DrawRecord): Uint8Array[] {
  return record.entries.map((entry) => leafHash(leafOf(entry)))
}

export const leafOf = ({ seq, pseudonym, weight }: Entry): string => `${seq}:${pseudonym}:${weight}`

/** The draw itself: everybody, the first first. */
export function repeat(record: DrawRecord, root: Uint8Array, progress: (share: number) => void = () => {}): Result[] {
  const ascii = new TextEncoder()
  const id = ascii.encode(record.session.id)
  const key = hmac.create(sha256, hexToBytes(record.seed)).update(id).update(root).digest()
  const keyed = record.entries.map((entry, i) => {
    if (i % 500 === 0) progress(i / record.entries.length)
    const h = BigInt(`0x${bytesToHex(hmac(sha256, key, ascii.encode(entry.pseudonym)))}`)
    const u = uniform(h + 1n)
    return { entry, h, u, x: record.policy === 'weighted' ? exponential(u, entry.weight) : null }
  })
  keyed.sort((a, b) => byKey(a, b) || (a.entry.pseudonym < b.entry.pseudonym ? -1 : 1))
  progress(1)
  const starts = record.segments.flatMap((segment) => Array<string>(Math.min(segment.numbers, keyed.length)).fill(segment.starts_at))
  return keyed.map(({ entry, u, x }, i) => ({ ...entry, rank: i + 1, u: written(u), key: x && written(x), segment: starts[i] ?? null }))
}

interface Keyed {
  h: bigint
  x: Decimal | null
}

/** A lottery compares the exact h, the larger first; a weighted draw the rounded x, the smaller first. */
function byKey(a: Keyed, b: Keyed): number {
  if (a.x && b.x) return compare(a.x, b.x)
  return a.h > b.h ? -1 : a.h < b.h ? 1 : 0
}

/** SHA-256 of the record without its digest, as RFC 8785 writes it. */
export function digestOf(document: Members): string {
  const rest: Members = new Map([...document].filter(([name]) => name !== 'digest'))
  return bytesToHex(sha256(new TextEncoder().encode(canonical(rest))))
}

/** Of what was read as a record: all its texts are ASCII that needs no escape, and all its numbers whole. */
function canonical(value: Json): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join(',')}]`
  if (!(value instanceof Map)) return JSON.stringify(value)
  const names = [...value.keys()].sort()
  return `{${names.map((name) => `${JSON.stringify(name)}:${canonical(value.get(name)!)}`).join(',')}}`
}

/** What can be said without drawing. */
function onPaper(record: DrawRecord): Check[] {
  const inTime = compareTimes(record.opens_at, record.closes_at) <= 0 && compareTimes(record.closes_at, record.drawn_at) <= 0
  return [
    same('commitment', record.commitment, bytesToHex(sha256(hexToBytes(record.seed)))),
    same('digest', record.digest, digestOf(record.document)),
    { name: 'times', ok: inTime },
    { name: 'list', ok: listInOrder(record) },
    { name: 'counts', ok: counts(record) },
  ]
}

function listInOrder({ entries, policy }: DrawRecord): boolean {
  return (
    entries.every((entry, i) => i === 0 || entry.seq > entries[i - 1]!.seq) &&
    new Set(entries.map((entry) => entry.pseudonym)).size === entries.length &&
    (policy !== 'lottery' || entries.every((entry) => entry.weight === 1))
  )
}

function counts({ segments, entries, numbers, entrants, winners }: DrawRecord): boolean {
  const sum = segments.reduce((total, segment) => total + segment.numbers, 0)
  return (
    numbers === sum &&
    entrants === entries.length &&
    winners === Math.min(sum, entries.length) &&
    segments.every((segment, i) => i === 0 || compareTimes(segments[i - 1]!.starts_at, segment.starts_at) < 0)
  )
}

function ranked(record: DrawRecord, results: Result[]): Check {
  const ok = results.length === record.ranking.length && results.every((result, i) => result.seq === record.ranking[i])
  const first = results.findIndex((result, i) => result.seq !== record.ranking[i])
  if (ok || first < 0) return { name: 'ranking', ok }
  const at = (seq: number | undefined) => (seq === undefined ? '–' : `#${first + 1}: ${seq}`)
  return { name: 'ranking', ok, said: at(record.ranking[first]), found: at(results[first]!.seq) }
}

function fromElsewhere(record: DrawRecord, known: Known): Check[] {
  const checks: Check[] = known.sessionId === undefined ? [] : [same('asked', record.session.id, known.sessionId)]
  for (const name of ['commitment', 'root', 'digest'] as const) {
    const expected = known[name]
    if (expected !== undefined) checks.push(same(`${name}_known`, record[name], expected))
  }
  return checks
}

function same(name: CheckName, said: string, found: string): Check {
  return { name, ok: said === found, said, found }
}

/** An entrant's way to the root, made anew from the list, and whether it leads there. */
export function proveEntry(record: DrawRecord, pseudonym: string): { index: number; path: string[]; ok: boolean } | undefined {
  const index = record.entries.findIndex((entry) => entry.pseudonym === pseudonym)
  if (index < 0) return undefined
  const leaves = leavesOf(record)
  const path = pathOf(leaves, index)
  const found = rootByPath(leaves[index]!, index, leaves.length, path)
  return { index, path: path.map(bytesToHex), ok: found !== undefined && bytesToHex(found) === record.root }
}
