/** Repeats a draw beside the page, so that a hundred thousand entrants do not hold it up. It is handed bytes, and asks nobody. */

import { fits, type Fits } from './receipt'
import { readReceipt, readRecord, Unfit, type DrawRecord, type Fault } from './record'
import { proveEntry, verify, type Known, type Result, type Verdict } from './verify'

export type Asked =
  | { kind: 'verify'; id: number; bytes: Uint8Array; known: Known }
  | { kind: 'prove'; id: number; pseudonym: string }
  | { kind: 'receipt'; id: number; bytes: Uint8Array }

/** The record without its long lists: what the page shows of it. */
export type Facts = Omit<DrawRecord, 'document' | 'entries' | 'ranking'>
export interface Proof {
  result: Result
  index: number
  path: string[]
  ok: boolean
}

export type Told =
  | { kind: 'progress'; id: number; share: number }
  | { kind: 'verdict'; id: number; facts: Facts; verdict: Verdict }
  | { kind: 'proof'; id: number; proof: Proof | null }
  | { kind: 'fits'; id: number; fits: Fits }
  | { kind: 'unfit'; id: number; what: Fault; at: string }
  | { kind: 'failed'; id: number; message: string }

interface Port {
  postMessage: (told: Told) => void
  onmessage: ((event: MessageEvent<Asked>) => void) | null
}
const port = self as unknown as Port

let record: DrawRecord | undefined
let results: Result[] = []

port.onmessage = ({ data }) => {
  try {
    port.postMessage(answer(data))
  } catch (error) {
    const told = error instanceof Unfit ? { kind: 'unfit' as const, what: error.what, at: error.at } : { kind: 'failed' as const, message: String(error) }
    port.postMessage({ ...told, id: data.id })
  }
}

function answer(asked: Asked): Told {
  const { id } = asked
  if (asked.kind === 'verify') {
    record = undefined
    const read = readRecord(asked.bytes)
    const verdict = verify(read, asked.known, (share) => port.postMessage({ kind: 'progress', id, share }))
    ;[record, results] = [read, verdict.results]
    const { document: _document, entries: _entries, ranking: _ranking, ...facts } = read
    return { kind: 'verdict', id, facts, verdict }
  }
  if (!record) throw new Error('there is no record yet')
  if (asked.kind === 'receipt') return { kind: 'fits', id, fits: fits(readReceipt(asked.bytes), record, results) }
  const proof = proveEntry(record, asked.pseudonym)
  const result = results.find((one) => one.pseudonym === asked.pseudonym)
  return { kind: 'proof', id, proof: proof && result ? { ...proof, result } : null }
}
