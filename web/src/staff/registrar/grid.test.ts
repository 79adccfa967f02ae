import { describe, expect, it } from 'vitest'
import { daysFrom, gridOf, mondayOf, totals, type Doctor, type Wanted } from './grid'
import { sessionOf } from './samples'

const all: Wanted = { department: '', doctor: '', period: '', state: '', everybody: false }
const doctor = (id: string, name: string, department: string): Doctor => ({
  id, name, code: id, title: '', specialty: '', department_id: department, department_name: department, hospital_id: 'hos_1', hospital_name: '',
})
const doctors = [doctor('doc_1', '王立群', 'dep_1'), doctor('doc_2', '李秀兰', 'dep_1')]
const days = daysFrom('2026-11-30', 7)

describe('the roster as a grid', () => {
  it('begins on Mondays, over the year too', () => {
    expect(mondayOf('2026-12-06')).toBe('2026-11-30')
    expect(mondayOf('2026-11-30')).toBe('2026-11-30')
    expect(mondayOf('2027-01-01')).toBe('2026-12-28')
    expect(daysFrom('2026-12-28', 7).at(-1)).toBe('2027-01-03')
  })

  it('has each session in the cell of its doctor and day, by time', () => {
    const late = sessionOf({ id: 'ses_2', starts_at: '2026-12-01T13:30:00+08:00', period: 'afternoon' })
    const [block] = gridOf([late, sessionOf()], doctors, days, all)
    expect(block!.rows.map((row) => row.doctor.name)).toEqual(['王立群'])
    expect(block!.rows[0]!.cells.map((cell) => cell.map((s) => s.id))).toEqual([[], ['ses_1', 'ses_2'], [], [], [], [], []])
  })

  it('has doctors without sessions where they are asked for', () => {
    expect(gridOf([sessionOf()], doctors, days, { ...all, everybody: true })[0]!.rows).toHaveLength(2)
    expect(gridOf([sessionOf()], doctors, days, { ...all, everybody: true, doctor: '李' })[0]!.rows.map((r) => r.doctor.id)).toEqual(['doc_2'])
  })

  it('puts who works elsewhere for once below that department, too', () => {
    const guest = sessionOf({ id: 'ses_3', department: { id: 'dep_9', name: '儿科' } })
    const blocks = gridOf([guest, sessionOf()], doctors, days, all)
    expect(blocks.map((b) => [b.department.id, b.rows.length])).toEqual([['dep_9', 1], ['dep_1', 1]])
  })

  it('shows what is asked for alone, and leaves out other days', () => {
    const stopped = sessionOf({ id: 'ses_2', state: 'stopped', date: '2026-12-02' })
    const ids = (wanted: Partial<Wanted>) =>
      gridOf([sessionOf(), stopped, sessionOf({ id: 'far', date: '2027-02-01' })], doctors, days, { ...all, ...wanted }).flatMap((b) => b.rows.flatMap((r) => r.cells.flat().map((s) => s.id)))
    expect(ids({})).toEqual(['ses_1', 'ses_2'])
    expect(ids({ state: 'stopped' })).toEqual(['ses_2'])
    expect(ids({ period: 'evening' })).toEqual([])
    expect(ids({ department: 'dep_2' })).toEqual([])
  })

  it('counts no numbers of what is stopped', () => {
    const stopped = sessionOf({ state: 'stopped', remaining: 0 })
    expect(totals([sessionOf(), stopped])).toEqual({ sessions: 2, capacity: 10, remaining: 4, stopped: 1 })
  })
})
