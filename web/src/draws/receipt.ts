/** An entrant's receipt: is she in the list that was drawn from, with this weight, and did she get what was said? */

import { bytesToHex, hexToBytes } from '@noble/hashes/utils.js'
import { leafHash, rootByPath } from './merkle'
import { isReceipt, type DrawRecord, type Entered, type Entry, type Receipt } from './record'
import { leafOf, type Result } from './verify'

/** What is looked at; each is the key of our words. */
export type Part = 'weight' | 'root' | 'path' | 'list' | 'draw' | 'outcome'

export interface Fits {
  pseudonym: string
  /** From after the draw: then it covers the whole record. */
  late: boolean
  parts: { name: Part; ok: boolean }[]
  ok: boolean
}

/** A receipt beside a record; `results` are those of the draw as it was repeated here. */
export function fits(kept: Receipt | Entered, record: DrawRecord, results: Result[]): Fits {
  const weight = kept.parts.reduce((sum, part) => sum + part.points, 0) === kept.entry.weight
  const parts: Fits['parts'] = [{ name: 'weight', ok: weight }, ...(isReceipt(kept) ? late(kept, record, results) : early(kept, record))]
  return { pseudonym: kept.entry.pseudonym, late: isReceipt(kept), parts, ok: parts.every((part) => part.ok) }
}

function late(kept: Receipt, record: DrawRecord, results: Result[]): Fits['parts'] {
  const leaf = leafHash(leafOf(kept.entry))
  const found = rootByPath(leaf, kept.index, kept.entrants, kept.path.map(hexToBytes))
  const result = results.find((one) => one.pseudonym === kept.entry.pseudonym)
  const draw = kept.session_id === record.session.id && kept.commitment === record.commitment && kept.entrants === record.entrants && kept.digest === record.digest
  return [
    { name: 'root', ok: kept.root === record.root },
    { name: 'path', ok: found !== undefined && bytesToHex(found) === record.root },
    { name: 'list', ok: alike(record.entries[kept.index], kept.entry) },
    { name: 'draw', ok: draw },
    { name: 'outcome', ok: kept.rank === result?.rank && kept.won === (result.segment !== null) },
  ]
}

/** From before the draw. Who has left before the close is rightly no longer in the list. */
function early(kept: Entered, record: DrawRecord): Fits['parts'] {
  return [
    { name: 'list', ok: record.entries.some((entry) => alike(entry, kept.entry)) },
    { name: 'draw', ok: kept.session_id === record.session.id && kept.commitment === record.commitment },
  ]
}

function alike(a: Entry | undefined, b: Entry): boolean {
  return a?.seq === b.seq && a.pseudonym === b.pseudonym && a.weight === b.weight
}
