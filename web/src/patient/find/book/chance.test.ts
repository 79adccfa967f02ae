import { describe, expect, it } from 'vitest'
import { beingDrawn, record, told, type Chance } from './chance'

const lottery = (probability: number | null) => told({ probability, kind: 'lottery' })

describe('a chance in words', () => {
  it('is a rounded percentage and so many of so many', () => {
    expect(lottery(0.4)).toEqual({ key: 'share', percent: 40, some: 4, all: 10 })
    expect(lottery(0.333)).toEqual({ key: 'share', percent: 33, some: 3, all: 10 })
    expect(lottery(0.05)).toEqual({ key: 'oneIn', percent: 5, some: 1, all: 20 })
  })

  it('never makes a promise of a great chance, nor nothing of a small one', () => {
    expect(lottery(0.9999).key).toBe('nearly')
    expect(lottery(0.98)).toEqual({ key: 'share', percent: 98, some: 9, all: 10 })
    expect(lottery(0.0004)).toEqual({ key: 'tiny', percent: 1, some: 1, all: 3000 })
  })

  it('says what is sure, impossible or unknown; in a draw more people may come', () => {
    expect(lottery(1).key).toBe('sureDraw')
    expect(told({ probability: 1, kind: 'first_come' }).key).toBe('sure')
    expect(lottery(0).key).toBe('none')
    expect(lottery(null).key).toBe('unknown')
  })
})

describe('a draw that is under way', () => {
  it('is known by what the server says of the chance, not by the clock', () => {
    const saying = (code: string) => beingDrawn({ assumptions: [{ code, en: '', 'zh-CN': '' }] })
    expect([saying('being_drawn'), saying('at_once'), beingDrawn({ assumptions: [] })]).toEqual([true, false, false])
  })
})

describe('a track record', () => {
  const of = (forecasts: number, brier: number | null) => record({ track_record: { forecasts, brier } } as Chance)
  it('is good, fair or poor beside a coin; nothing while there is nothing to compare', () => {
    expect([of(10, 0.05), of(10, 0.2), of(10, 0.25), of(0, null)]).toEqual(['good', 'fair', 'poor', null])
  })
})
