import { describe, expect, it } from 'vitest'
import { dateOf, recordsOf, Refused, rosterOfCsv } from './csv'

const HEAD = 'doctor,doctor_name,department,department_name,date,start,end,slot_minutes,capacity,fee,release_days,release_time'
const roster = (...lines: string[]) => rosterOfCsv([HEAD, ...lines].join('\n'), 7)
const GOOD = 'D001,王立群,cardio,心血管内科,2026-12-05,8:00,9:00,30,5,60.50,7,07:00'

describe('CSV of dated sessions', () => {
  it('is read with quotes, lines in cells and any delimiter', () => {
    expect(recordsOf('a,"b ""x"", c",d\r\n\r\n1,"2\n3",4').map((r) => [r.line, r.cells])).toEqual([
      [1, ['a', 'b "x", c', 'd']],
      [3, ['1', '2\n3', '4']],
    ])
    expect(recordsOf('a;b\n1;2,3')[1]!.cells).toEqual(['1', '2,3'])
  })

  it('becomes rows as the tool makes them', () => {
    const made = roster(GOOD, GOOD.replace('D001,王立群', 'D002,李秀兰').replace('2026-12-05', '2026/12/6'))
    expect(made.faults).toEqual([])
    expect(made.departments).toEqual([{ code: 'cardio', version: 7, name: '心血管内科' }])
    expect(made.doctors.map((d) => d.code)).toEqual(['D001', 'D002'])
    expect(made.sessions[0]).toMatchObject({ code: 'D001-20261205-morning', version: 7, period: 'morning', fee: { amount: 6050, currency: 'CNY' }, release_at: '2026-11-28T07:00:00+08:00' })
    expect((made.sessions[0]!.slots as unknown[])[1]).toEqual({ starts_at: '2026-12-05T08:30:00+08:00', ends_at: '2026-12-05T09:00:00+08:00', capacity: 5, blocked: 0, quotas: {} })
    expect(made.lines).toEqual([2, 3])
  })

  it('has Chinese titles, too, and any order', () => {
    const made = rosterOfCsv('挂号费,医生编号,科室编号,日期,开始时间,结束时间,每段分钟,每段号数,提前天数,放号时间,放号方式,抽签提前天数,抽签时间\n¥1,D1,c,20261205,18:00,24:00,60,2,7,08:30,摇号,2,20:00', 1)
    expect(made.faults).toEqual([])
    expect(made.sessions[0]).toMatchObject({ period: 'evening', policy: 'lottery', draw_at: '2026-12-03T20:00:00+08:00', fee: { amount: 100 } })
    expect((made.sessions[0]!.slots as { ends_at: string }[]).at(-1)!.ends_at).toBe('2026-12-06T00:00:00+08:00')
  })

  it.each([
    ['2026-12-05', '2026-02-30', 'date', 'bad_date'],
    ['8:00', '25:00', 'start', 'bad_time'],
    ['9:00', '8:00', 'end', 'bad_times'],
    [',30,', ',25,', 'slot_minutes', 'bad_slots'],
    ['60.50', '60.555', 'fee', 'bad_money'],
    [',5,', ',0,', 'capacity', 'number'],
    ['cardio,', ',', 'department', 'missing'],
  ])('names the line of %s as %s, and keeps the others', (from, to, column, code) => {
    const made = roster(GOOD, GOOD.replace(from, to))
    expect(made.faults.map((f) => [f.line, f.column, f.code])).toEqual([[3, column, code]])
    expect(made.sessions).toHaveLength(1)
  })

  it('refuses a line with more cells than titles: an amount like 1,200 without quotes would be another amount', () => {
    const made = roster(GOOD, `${GOOD},200`, `${GOOD}, ,`)
    expect(made.faults).toEqual([{ line: 3, lines: 1, column: '', code: 'more_cells', text: '200' }])
    expect(made.lines).toEqual([2, 4])
    const untitled = rosterOfCsv(`${HEAD},,\n${GOOD},,\n${GOOD},200,`, 7) // as Excel saves columns that were used once
    expect(untitled.faults.map((f) => [f.line, f.code])).toEqual([[3, 'more_cells']])
  })

  it('says how far a quote that is not closed reaches, and keeps what stands before it', () => {
    const made = roster(GOOD, GOOD.replace('王立群', '"李秀兰'), GOOD, GOOD)
    expect(made.faults).toEqual([{ line: 3, lines: 3, column: '', code: 'not_csv', text: '3–5' }])
    expect(made.lines).toEqual([2])
    expect(roster(GOOD, GOOD.replace('王立群', '"李\n秀兰'), GOOD).faults.map((f) => [f.line, f.text])).toEqual([[3, '3–5']])
    expect(() => rosterOfCsv(`"${HEAD}\n${GOOD}`, 7)).toThrow(Refused)
  })

  it('refuses text beside quotes, which is read in more ways than one', () => {
    const made = roster(GOOD.replace('王立群', '"王"立群'), GOOD.replace('王立群', '" 王 " '), GOOD.replace('王立群', '王"立"群'))
    expect(made.faults.map((f) => [f.line, f.code])).toEqual([[2, 'not_csv']])
    expect(made.lines).toEqual([3, 4])
  })

  it('refuses a header that names a column twice', () => {
    expect(() => rosterOfCsv(`${HEAD},挂号费\n${GOOD},1`, 7)).toThrow('twice')
    expect(rosterOfCsv(`${HEAD},备注,备注\n${GOOD},x,y`, 7).faults).toEqual([])
  })

  it('leaves weekly plans to the tool, and says so', () => {
    const made = rosterOfCsv(`${HEAD},hours\n${GOOD},周一至周五 08:00-12:00`, 1)
    expect(made.faults[0]!.code).toBe('weekly')
  })

  it('refuses a header without what is needed', () => {
    expect(() => rosterOfCsv('doctor,fee\nD1,5', 1)).toThrow(Refused)
  })

  it('knows days as they are written', () => {
    expect(['2026-12-01', '2026/12/1', '2026年12月1日', '20261201'].map(dateOf)).toEqual(Array(4).fill('2026-12-01'))
  })
})
