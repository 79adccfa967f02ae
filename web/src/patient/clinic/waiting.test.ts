import { beforeAll, describe, expect, it } from 'vitest'
import booking from '../../../../docs/openapi/booking-svc.json'
import { setLocale, t } from '@/i18n'
import './messages'
import { coverageWords, movedWords, waitWords } from './waiting'

const now = Date.parse('2026-11-23T10:00:00+08:00')
const at = (minutes: number) => new Date(now + minutes * 60_000).toISOString()
const wait = (low: number, expected: number, high: number) => ({ low_at: at(low), expected_at: at(expected), high_at: at(high) })

describe('a wait in words', () => {
  beforeAll(() => {
    setLocale('zh-CN')
  })

  it('is an interval of times, the likeliest of them, and minutes', () => {
    expect(waitWords(wait(20, 30, 45), now)).toEqual({ between: '10:20–10:45', likely: '10:30', minutes: '约 30 分钟后', range: '最短 20 分钟，最长 45 分钟' })
  })

  it('grows shorter while time goes by, though nothing new was told', () => {
    expect(waitWords(wait(20, 30, 45), now + 15 * 60_000).minutes).toBe('约 15 分钟后')
    expect(waitWords(wait(20, 30, 45), now + 15 * 60_000).range).toBe('最短 5 分钟，最长 30 分钟')
  })

  it('names no earliest time that is now or over, and nothing below zero', () => {
    expect(waitWords(wait(0, 5, 12), now)).toMatchObject({ between: '10:12 前', range: '最长 12 分钟' })
    expect(waitWords(wait(-10, -5, -1), now)).toEqual({ between: '10:00 前', likely: '马上', minutes: '马上就到您', range: '最长 1 分钟' })
  })

  it('is one time where both ends are in one minute', () => {
    expect(waitWords({ low_at: at(20), expected_at: at(20), high_at: at(20.5) }, now).between).toBe('10:20')
  })

  it('says why it moved, and by how much', () => {
    const reasons = [{ code: 'somebody_before', count: 2 }, { code: 'slower', count: null }]
    expect(movedWords({ since: at(-1), seconds: 300, reasons })).toEqual({
      how: '比上次预计晚了约 5 分钟',
      why: ['有 2 位排到了您前面（急诊、优先，或预约时间更早）', '看诊比预想的慢'],
    })
    expect(movedWords({ since: at(-1), seconds: -120, reasons: [{ code: 'faster', count: null }] })?.how).toBe('比上次预计早了约 2 分钟')
    expect(movedWords({ since: at(-1), seconds: 20, reasons: [{ code: 'time', count: null }] })).toEqual({ how: '和上次预计差不多', why: [] })
    expect(movedWords(null)).toBeNull()
  })

  it('has words for each reason that the service may give', () => {
    const told = booking.paths['/api/v1/visits/{visit_id}/wait'].get.description.match(/why: ([\w, \n]+)\. `coverage`/)![1]!
    const codes = told.split(/,\s*/).map((code) => code.trim()).filter((code) => code !== 'time')
    expect(codes.length).toBeGreaterThan(8)
    for (const code of codes) expect(t(`clinic.moved.${code}`)).not.toBe(`clinic.moved.${code}`)
  })

  it('says how far it can be trusted only where enough was seen', () => {
    const of = (share: number | null, count: number) => coverageWords({ department_id: 'd', share, count, since: null, left: 0, meant: 0.8 })
    expect(of(0.791, 240)).toBe('这个科室最近 240 次预计，79% 说准了（目标 80%）。')
    expect(of(null, 0)).toContain('太少')
    expect(of(0, 1)).toContain('太少')
  })
})
