import { afterEach, describe, expect, it } from 'vitest'
import { LOCALES, setLocale } from '@/i18n'
import { addDays, clock, date, day, isoDay, left, minutes, moment, money, seconds, weekday } from './format'

describe('what people read', () => {
  afterEach(() => setLocale('zh-CN'))

  it('money keeps every fen', () => {
    expect(money({ amount: 5 })).toBe('¥0.05')
    expect(money({ amount: 123_456_789 })).toBe('¥1,234,567.89')
    expect(money({ amount: -1050 })).toBe('-¥10.50')
    expect(money({ amount: 9_007_199_254_740_991 })).toBe('¥90,071,992,547,409.91')
  })

  it('times are those of Shanghai, wherever the phone is', () => {
    expect(clock('2026-11-22T23:05:00Z')).toBe('07:05')
    expect(clock('2026-11-22T16:00:00Z')).toBe('00:00')
    expect(isoDay(Date.parse('2026-11-22T16:00:00Z'))).toBe('2026-11-23')
    expect(day('2026-11-23T00:00:00+08:00')).toBe('11月23日周一')
    setLocale('en')
    expect(day('2026-11-23T00:00:00+08:00')).toBe('Mon, Nov 23')
  })

  it.each(LOCALES)('times are written as Intl writes them: %s', (locale) => {
    setLocale(locale)
    const time = { hour: '2-digit', minute: '2-digit', hourCycle: 'h23' } as const
    const styles = new Map<(time: number) => string, Intl.DateTimeFormatOptions>([
      [clock, time],
      [seconds, { ...time, second: '2-digit' }],
      [day, { month: 'short', day: 'numeric', weekday: 'short' }],
      [weekday, { weekday: 'short' }],
      [date, { year: 'numeric', month: 'long', day: 'numeric' }],
      [moment, { ...time, month: 'short', day: 'numeric' }],
    ])
    for (const [ours, style] of styles) {
      const theirs = new Intl.DateTimeFormat(locale, { timeZone: 'Asia/Shanghai', ...style })
      for (let hours = 0; hours < 400 * 24; hours += 7) {
        const at = Date.parse('2027-12-01T00:00:59Z') + hours * 3_600_000
        expect(ours(at)).toBe(theirs.format(at))
      }
    }
    expect(() => clock('no time')).toThrow(RangeError)
  })

  it('days are counted over months and leap years', () => {
    expect(addDays('2028-02-28', 1)).toBe('2028-02-29')
    expect(addDays('2026-12-31', 1)).toBe('2027-01-01')
    expect(addDays('2026-03-01', -1)).toBe('2026-02-28')
  })

  it('what is left never shows less than there is', () => {
    expect(left(1)).toBe('00:01')
    expect(left(61_000)).toBe('01:01')
    expect(left(3_600_000)).toBe('01:00:00')
    expect(left(90_061_000)).toBe('1 天 01:01:01')
    expect(left(-5)).toBe('00:00')
    expect(() => left(NaN)).toThrow(RangeError)
  })

  it('minutes are rounded up', () => {
    expect(minutes(61)).toBe('2 分钟')
    expect(minutes(0)).toBe('0 分钟')
  })
})
