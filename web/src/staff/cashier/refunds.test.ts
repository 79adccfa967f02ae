import { describe, expect, it } from 'vitest'
import { fen, waitOf, type Refund } from './refunds'

function refund(facts: Partial<Refund>): Refund {
  return { id: 'rfd_1', state: 'processing', method: 'window', retried_as: null, ...facts } as Refund
}

describe('a refund', () => {
  it('waits for the counter only where a person must act', () => {
    expect(waitOf(refund({}))).toBe('hand_out')
    expect(waitOf(refund({ method: 'alipay' }))).toBeNull()
    expect(waitOf(refund({ state: 'failed', method: 'wechat' }))).toBe('again')
    expect(waitOf(refund({ state: 'failed', retried_as: 'rfd_2' }))).toBeNull()
    expect(waitOf(refund({ state: 'abnormal', method: 'wechat' }))).toBe('card')
    expect(waitOf(refund({ state: 'succeeded' }))).toBeNull()
    expect(waitOf(refund({ state: 'reserved' }))).toBeNull()
  })
})

describe('an amount that is typed', () => {
  it('is taken to the fen, or not at all', () => {
    expect(fen('12')).toBe(1200)
    expect(fen(' 12.5 ')).toBe(1250)
    expect(fen('0.29')).toBe(29)
    expect(fen('1.005')).toBeNull()
    expect(fen('-1')).toBeNull()
    expect(fen('1e3')).toBeNull()
    expect(fen('')).toBeNull()
  })
})
