import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { bytesToHex } from '@noble/hashes/utils.js'
import { describe, expect, it } from 'vitest'
import { compare, exponential, uniform, written, type Decimal } from './decimal'
import { readJson } from './json'
import { leafHash, pathOf, rootByPath, rootOf } from './merkle'
import { fits } from './receipt'
import { compareTimes, instant, readReceipt, readRecord, Unfit } from './record'
import { leavesOf, proveEntry, verified, verify } from './verify'

interface Golden {
  records: Record<string, string>
  mutations: Record<string, { path: (string | number)[]; value: string; digest: string | null; verdict: string[] | string }[]>
  forgeries: { title: string; change: object; verdict: string[] | string }[]
  texts: { title: string; text: string; verdict: string[] | string }[]
  receipts: { receipt: object; failed: string[] }[]
  keys: { value: string; weight: string; u: string; key: string }[]
}
const golden = JSON.parse(readFileSync(join(process.cwd(), 'src/draws/golden/golden.json'), 'utf8')) as Golden
const bytes = (text: string) => new TextEncoder().encode(text)
const SMALL = Object.keys(golden.mutations)

/** As the golden ones: what failed by name; "wrong" or "unreadable" if it is not even read. */
function verdictOf(text: string): string[] | string {
  try {
    return verify(readRecord(bytes(text))).checks.filter((check) => !check.ok).map((check) => check.name)
  } catch (error) {
    if (!(error instanceof Unfit)) throw error
    return ['json', 'format', 'open'].includes(error.what) ? 'unreadable' : 'wrong'
  }
}

/** The record with a text of JSON in a place. */
function put(record: string, path: (string | number)[], value: string, digest: string | null = null): string {
  const document = JSON.parse(record) as Record<string, unknown>
  let holder = document as Record<string | number, unknown>
  for (const step of path.slice(0, -1)) holder = holder[step] as Record<string | number, unknown>
  holder[path.at(-1)!] = '(here)'
  if (digest) document.digest = digest
  return JSON.stringify(document).replace('"(here)"', () => value)
}

function places(value: unknown, path: (string | number)[] = []): (string | number)[][] {
  const inner = Array.isArray(value) ? [...value.entries()] : value && typeof value === 'object' ? Object.entries(value) : []
  return [...(path.length ? [path] : []), ...inner.flatMap(([key, one]) => places(one, [...path, key as string | number]))]
}

describe('a record', () => {
  it.each(Object.keys(golden.records))('is verified as the tool does: %s', (name) => {
    const record = readRecord(bytes(golden.records[name]!))
    const verdict = verify(record)
    expect(verdict.checks.filter((check) => !check.ok)).toEqual([])
    expect(verdict.checks.map((check) => check.name)).toEqual(['commitment', 'digest', 'times', 'list', 'counts', 'root', 'ranking'])
    expect(verdict.results.filter((result) => result.segment !== null)).toHaveLength(record.winners)
  })

  it('is the example of the specification', () => {
    const page = readFileSync(join(process.cwd(), '../docs/draws.md'), 'utf8')
    const example = page.split('```json\n')[1]!.split('```')[0]!
    const verdict = verify(readRecord(bytes(example)))
    expect(verified(verdict)).toBe(true)
    expect(verdict.results.map((result) => result.segment?.slice(11, 16) ?? null)).toEqual(['08:30', '08:30', '09:00', null, null])
  })

  it.each(SMALL)('gets the verdict of the tool, whatever is changed in it: %s', (name) => {
    const differ = golden.mutations[name]!.filter(
      ({ path, value, digest, verdict }) => JSON.stringify(verdictOf(put(golden.records[name]!, path, value, digest))) !== JSON.stringify(verdict),
    )
    expect(golden.mutations[name]!.length).toBeGreaterThan(50)
    expect(differ).toEqual([])
  })

  it.each(golden.forgeries)('by a forger who makes a digest that fits: $title', ({ change, verdict }) => {
    const document = { ...(JSON.parse(golden.records.weighted!) as object), ...change }
    expect(verdictOf(JSON.stringify(document))).toEqual(verdict)
  })

  it.each(golden.texts)('is read as strictly as the tool does: $title', ({ text, verdict }) => {
    expect(verdictOf(text)).toEqual(verdict)
  })

  it.each(SMALL)('shows every single change, in every place, to every kind of value: %s', (name) => {
    const record = golden.records[name]!
    const values = ['null', 'true', '-1', '0', '1', '2', '12', '1.5', '""', '"x"', '"lottery"', '"weighted"', `"${'0'.repeat(64)}"`, '"2026-12-01T10:30:00+08:00"', '[]', '{}']
    const same = JSON.stringify(JSON.parse(record))
    for (const path of places(JSON.parse(record)))
      for (const value of values) {
        const changed = put(record, path, value)
        if (changed !== same) expect(verdictOf(changed), `${path.join('.')} = ${value}`).not.toEqual([])
      }
  })

  it('shows every changed byte', () => {
    const record = bytes(golden.records.lottery!)
    for (let at = 0; at < record.length; at++)
      for (const byte of [record[at]! ^ 1, record[at]! ^ 32, 34, 48]) {
        if (byte === record[at]) continue
        const changed = record.slice()
        changed[at] = byte
        let sound = false
        try {
          sound = verified(verify(readRecord(changed)))
        } catch (error) {
          expect(error).toBeInstanceOf(Unfit)
        }
        expect(sound, `byte ${at}`).toBe(false)
      }
  })

  it('shows what is left out, put in twice, or moved', () => {
    const whole = JSON.parse(golden.records.weighted!) as Record<string, unknown>
    for (const name of Object.keys(whole)) {
      const { [name]: _gone, ...rest } = whole
      expect(verdictOf(JSON.stringify(rest)), `without ${name}`).not.toEqual([])
    }
    for (const name of ['entries', 'segments', 'ranking']) {
      const list = whole[name] as unknown[]
      for (const changed of [list.slice(1), list.slice(0, -1), [...list, list[0]], [...list].reverse()])
        expect(verdictOf(JSON.stringify({ ...whole, [name]: changed })), name).not.toEqual([])
    }
    expect(verdictOf(JSON.stringify({ ...whole, more: 1 }))).toBe('wrong')
  })

  it('is compared with what was noted before', () => {
    const record = readRecord(bytes(golden.records.weighted!))
    const noted = { sessionId: record.session.id, commitment: record.commitment, root: record.root, digest: record.digest }
    expect(verified(verify(record, noted))).toBe(true)
    for (const name of Object.keys(noted)) {
      const failed = verify(record, { ...noted, [name]: 'f'.repeat(64) }).checks.filter((check) => !check.ok)
      expect(failed.map((check) => check.name)).toEqual([name === 'sessionId' ? 'asked' : `${name}_known`])
    }
  })
})

describe('the keys of a weighted draw', () => {
  const plain = ({ digits, exponent }: Decimal) => {
    const zeros = /0*$/.exec(digits.toString())![0].length
    return digits ? `${digits / 10n ** BigInt(zeros)}E${exponent + zeros}` : '0'
  }

  it('have the same 34 digits as with another library, next to 0 and next to 1 as well', () => {
    const differ = golden.keys.filter(({ value, weight, u, key }) => {
      const found = uniform(BigInt(value))
      return plain(found) !== u || plain(exponential(found, Number(weight))) !== key
    })
    expect(golden.keys.length).toBeGreaterThan(200)
    expect(differ).toEqual([])
  })

  it('are in the order of their values', () => {
    const values = [...golden.keys].map(({ value }) => BigInt(value)).sort((a, b) => (a < b ? -1 : 1))
    const keys = values.map((value) => exponential(uniform(value), 1))
    for (let i = 1; i < keys.length; i++) expect(compare(keys[i]!, keys[i - 1]!)).toBeLessThanOrEqual(0)
    expect(compare(uniform(1n << 256n), uniform(1n))).toBeGreaterThan(0)
    expect(compare({ digits: 0n, exponent: 0 }, uniform(1n))).toBeLessThan(0)
  })

  it('are written as people read them', () => {
    expect(written(uniform(1n << 255n))).toBe('0.5')
    expect(written(uniform(1n << 256n))).toBe('1')
    expect(written({ digits: 1234n * 10n ** 30n, exponent: -32 })).toBe('12.34')
    expect(written(uniform(1n))).toBe('8.6361685550944446253863518628004E-78')
    expect(written({ digits: 0n, exponent: 0 })).toBe('0')
  })
})

describe('a tree of entries', () => {
  it('leads from each leaf to the root, for each size, and from nowhere else', () => {
    for (let size = 1; size <= 33; size++) {
      const leaves = Array.from({ length: size }, (_, i) => leafHash(`${i}`))
      const root = bytesToHex(rootOf(leaves))
      for (let i = 0; i < size; i++) {
        const path = pathOf(leaves, i)
        const by = (index: number, steps: Uint8Array[], of = size) => {
          const found = rootByPath(leaves[i]!, index, of, steps)
          return found && bytesToHex(found)
        }
        expect(by(i, path)).toBe(root)
        if (size > 1) expect([by((i + 1) % size, path), by(i, path.slice(1)), by(i, [...path, path[0]!])]).not.toContain(root)
      }
      expect(rootByPath(leaves[0]!, size, size, [])).toBeUndefined()
    }
  })

  it('proves each entrant of a record, and no stranger', () => {
    const record = readRecord(bytes(golden.records.many!))
    for (const at of [0, 1, 255, 256, 299]) expect(proveEntry(record, record.entries[at]!.pseudonym)).toMatchObject({ index: at, ok: true })
    expect(proveEntry(record, 'stranger')).toBeUndefined()
    expect(proveEntry({ ...record, root: 'f'.repeat(64) }, record.entries[3]!.pseudonym)!.ok).toBe(false)
    expect(leavesOf(record)).toHaveLength(300)
  })
})

describe('a receipt', () => {
  it('is compared with the record as the tool does', () => {
    const record = readRecord(bytes(golden.records.weighted!))
    const { results } = verify(record)
    const differ = golden.receipts.filter(({ receipt, failed }) => {
      const found = fits(readReceipt(bytes(JSON.stringify(receipt))), record, results)
      const names = found.parts.filter((part) => !part.ok).map((part) => part.name)
      return JSON.stringify([...names].sort()) !== JSON.stringify(failed) || found.ok !== (failed.length === 0)
    })
    expect(golden.receipts.length).toBeGreaterThan(80)
    expect(differ).toEqual([])
  })

  it('is read strictly', () => {
    for (const text of ['', '{}', '[]', golden.records.weighted!]) expect(() => readReceipt(bytes(text))).toThrow(Unfit)
  })
})

describe('times and texts', () => {
  it('are those of RFC 3339, compared to the last digit', () => {
    const bad = ['2026-12-01T10:30:00', '2026-13-01T10:30:00Z', '2026-02-29T10:30:00Z', '2026-12-01T24:00:00Z', '2026-12-01', '20261201T103000Z', '0000-01-01T00:00:00Z', '2026-12-01T10:30:00+24:00']
    expect(bad.filter(instant)).toEqual([])
    expect(compareTimes('2026-12-01T10:30:00+08:00', '2026-12-01T02:30:00.000Z')).toBe(0)
    expect(compareTimes('2026-12-01T10:30:00.1+08:00', '2026-12-01T10:30:00.0999999999+08:00')).toBeGreaterThan(0)
    expect(compareTimes('2026-12-01T10:30:00-00:30', '2026-12-01T10:30:00Z')).toBeGreaterThan(0)
  })

  it.each(['{"a":1,"a":1}', '{"a":1,"\\u0061":1}', '[1,]', '[01]', '"\n"', '"\\x"', '[1 2]', 'nul', '-', '1.', '{a:1}', "{'a':1}", '['.repeat(500), ''])('are no JSON: %s', (text) => {
    expect(() => readJson(bytes(text))).toThrow()
  })

  it('are read as the browser reads them', () => {
    const text = ' {"a": [1, -2, true, null, "x\\n\\u4e2d\\"/\\/"], "b": {}} '
    const read = readJson(bytes(text)) as Map<string, unknown>
    expect([read.get('a'), read.get('b')]).toEqual([(JSON.parse(text) as { a: unknown }).a, new Map()])
    expect(() => readJson(Uint8Array.of(0x22, 0xff, 0x22))).toThrow()
  })
})
