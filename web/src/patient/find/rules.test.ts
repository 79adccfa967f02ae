import { describe, expect, it } from 'vitest'
import { grouped, mattering, refusing, waitlistCloses, type Sentence } from './rules'

const sentence = (rule: string): Sentence => ({ rule, 'zh-CN': `${rule} 中`, en: rule })
const words = ['limits[0]', 'limits[1]', 'cancel', 'hold_minutes', 'waitlist.closes', 'weights', 'clinic.near', 'penalties[0]', 'news'].map(sentence)
const session = { date: '2026-12-01', starts_at: '2026-12-01T08:00:00+08:00' }
const closing = (closes: object) => new Date(waitlistCloses({ rules: { waitlist: { closes } } }, session)).toISOString()

describe('rules', () => {
  it('are told by what they are about; none is lost', () => {
    const parts = grouped(words)
    expect(parts.map((part) => part.group)).toEqual(['booking', 'cancel', 'waitlist', 'draw', 'clinic', 'penalties'])
    expect(parts.flatMap((part) => part.words)).toHaveLength(words.length)
    expect(parts[0]!.words.map(({ rule }) => rule)).toEqual(['limits[0]', 'limits[1]', 'hold_minutes', 'news'])
  })

  it('that matter for a number are few; weights where they weigh', () => {
    const rules = (policy: 'first_come' | 'weighted') => mattering(words, { policy }).map(({ rule }) => rule)
    expect(rules('first_come')).toEqual(['limits[0]', 'limits[1]', 'hold_minutes'])
    expect(rules('weighted')).toContain('weights')
  })

  it('are found by the path that a refusal begins with', () => {
    expect(refusing(words, 'limits[1]: at most 3 departments per hospital and day')?.rule).toBe('limits[1]')
    expect(refusing(words, 'gone: x')).toBeUndefined()
  })
})

describe('a waitlist closes', () => {
  it('so many hours before, or at a time of a day before, and never after the session begins', () => {
    expect(closing({ hours: 12, days: null, workdays: null, at: null })).toBe('2026-11-30T12:00:00.000Z')
    expect(closing({ hours: null, days: 1, workdays: null, at: '23:00' })).toBe('2026-11-30T15:00:00.000Z')
    expect(closing({ hours: null, days: 0, workdays: null, at: '09:00' })).toBe('2026-12-01T00:00:00.000Z')
  })

  it('at its beginning at the latest, as far as we can tell of workdays', () => {
    expect(closing({ hours: null, days: null, workdays: 1, at: '14:00' })).toBe('2026-12-01T00:00:00.000Z')
  })
})
