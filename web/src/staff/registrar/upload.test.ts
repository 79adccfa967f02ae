import { describe, expect, it } from 'vitest'
import { Refused } from './csv'
import { outcomeOf, partsOf, PART, readFile, versionAt, type Summary } from './upload'

const sender = { hospital: 'renji', id: 'key', version: 7 }
const bytes = (text: string) => new TextEncoder().encode(text).buffer as ArrayBuffer
const read = (text: string) => readFile('x', bytes(text), sender)
const codeOf = (work: () => unknown) => {
  try {
    work()
  } catch (fault) {
    return (fault as Refused).code
  }
  return ''
}
const HEAD = 'doctor,department,date,start,end,slot_minutes,capacity,fee,release_days,release_time'

function summary(changes: Partial<Summary>): Summary {
  const none = { applied: 0, unchanged: 0, rejected: 0, kept: 0, more: 0, rows: [] }
  return { ...none, roster_id: 'ros_1', hospital_id: 'h', input: 'i', type: 't', status: 'applied', ...changes }
}

describe('a file', () => {
  it('is counted before it is sent', () => {
    const found = read(JSON.stringify({ hospital: { code: 'renji' }, sessions: [{}, {}], doctors: [{}], window: { from: '2026-12-01', to: '2026-12-02' } }))
    expect(found.counts).toEqual({ departments: 0, doctors: 1, sessions: 2 })
    expect(found.snapshot).toEqual({ from: '2026-12-01', to: '2026-12-02' })
  })

  it('may be an event, or a CSV, which is sent as one', () => {
    expect(read(JSON.stringify({ specversion: '1.0', data: { sessions: [{}] } })).counts.sessions).toBe(1)
    const csv = read(`${HEAD}\nD1,c,2026-12-05,8:00,9:00,30,5,60,7,07:00`)
    expect(csv.document).toMatchObject({ specversion: '1.0', subject: 'renji', id: 'key', type: 'haoyuan.roster.roster_published.v1' })
    expect(csv.lines).toEqual([2])
  })

  it('of Excel in China is read', () => {
    const gbk = new Uint8Array([...new TextEncoder().encode(`${HEAD},room\nD1,c,2026-12-05,8:00,9:00,30,5,60,7,07:00,`), 0xd5, 0xef, 0xca, 0xd2]) // 诊室
    const data = readFile('x.csv', gbk.buffer, sender).document.data as { sessions: { room: string }[] }
    expect(data.sessions[0]!.room).toBe('诊室')
  })

  it('that is none is refused', () => {
    expect(codeOf(() => read('{"a": '))).toBe('not_json')
    expect(codeOf(() => read('{"a": x}'))).toMatch(/^not_json/)
    expect(['[1]'].map((text) => codeOf(() => read(text)))).toEqual(['no_object'])
    for (const window of [5, {}, { from: '2026-12-01' }, { from: '2026-12-01', to: '2026-02-30' }, { from: 1, to: 2 }]) expect(codeOf(() => read(JSON.stringify({ data: { window }, specversion: '1.0' })))).toBe('bad_window')
    expect(codeOf(() => read('{"window": 5}'))).toBe('bad_window')
    expect(read('{"window": null}').snapshot).toBeNull()
    expect(partsOf(read('{"specversion": "1.0", "data": 5}').document)).toHaveLength(1)
    expect(codeOf(() => read('{"specversion": "1.0", "subject": "tongde"}'))).toBe('not_this_hospital')
    expect(codeOf(() => readFile('x', new Uint8Array([0x7b, 0x22, 0xff]).buffer, sender))).toBe('bad_encoding')
    expect(codeOf(() => read(''))).toBe('bad_header')
  })

  it('says what it is: an event that somebody wrote, a roster, or a CSV', () => {
    expect(read(JSON.stringify({ specversion: '1.0', data: {} })).kind).toBe('event')
    expect(read('{"sessions": []}').kind).toBe('roster')
    expect(read(HEAD).kind).toBe('csv')
  })

  it('has a greater version a second later, which fits the API and is more than those of older releases', () => {
    const now = Date.parse('2026-11-23T10:00:00Z')
    expect(versionAt(now + 1000)).toBe(versionAt(now) + 1)
    expect(versionAt(now)).toBeGreaterThan(now / 60_000)
    expect(versionAt(Date.parse('2080-01-01T00:00:00Z'))).toBeLessThan(2 ** 31)
  })

  it('that is long goes in parts, doctors first; a snapshot never does', () => {
    const sessions = Array.from({ length: PART + 1 }, (_, n) => ({ code: n }))
    const parts = partsOf({ hospital: { code: 'h' }, doctors: [1], sessions })
    expect(parts.map(({ part, first }) => [first, (part.sessions as unknown[]).length, 'doctors' in part])).toEqual([[0, PART, true], [PART, 1, false]])
    expect(partsOf({ hospital: {}, sessions, window: {} })).toHaveLength(1)
    const events = partsOf({ specversion: '1.0', id: 'k', data: { doctors: [1], sessions } })
    expect(events.map(({ part }) => part.id)).toEqual(['k-0', `k-${PART}`])
    expect(events[1]!.part.data).not.toHaveProperty('doctors')
  })
})

describe('what came of it', () => {
  const fault = { code: 'bad_time', severity: 'error' as const, session_id: null, message: 'x' }
  const warning = { ...fault, code: 'stale', severity: 'warning' as const }

  it('is added up, and rows are named by their places in the file', () => {
    const answers = [
      { first: 0, summary: summary({ applied: 500, rows: [{ ...warning, path: 'sessions[1]' }] }) },
      { first: 500, summary: summary({ status: 'rejected', rejected: 1, rows: [{ ...fault, path: 'sessions[0].slots' }], roster_id: 'ros_2' }) },
    ]
    const outcome = outcomeOf(answers, { ...read('{}'), lines: [] })
    expect(outcome).toMatchObject({ status: 'partial', applied: 500, rejected: 1, rosters: ['ros_1', 'ros_2'] })
    expect(outcome.rows.map((r) => r.path)).toEqual(['sessions[500].slots', 'sessions[1]'])
  })

  it('names the lines of a CSV, those not sent too', () => {
    const file = read(`${HEAD}\nD1,c,2026-02-30,8:00,9:00,30,5,60,7,07:00\nD1,c,2026-12-05,8:00,9:00,30,5,60,7,07:00`)
    const outcome = outcomeOf([{ first: 0, summary: summary({ rejected: 1, status: 'rejected', rows: [{ ...fault, path: 'sessions[0]' }] }) }], file)
    expect(outcome.status).toBe('rejected')
    expect(outcome.rejected).toBe(2)
    expect(outcome.rows.map((r) => [r.line, r.code])).toEqual([[3, 'bad_time'], [2, 'bad_date']])
    expect(outcomeOf([], read(`${HEAD}\n"D1,c\nD2,c`)).rejected).toBe(2)
  })
})
