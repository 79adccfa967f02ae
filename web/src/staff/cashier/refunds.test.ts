import { afterEach, describe, expect, it, vi } from 'vitest'
import { payment } from '@/api'
import { fen, waiting, waitOf, type Refund } from './refunds'

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

describe('the refunds that wait', () => {
  afterEach(() => vi.restoreAllMocks())

  it('are all that is asked for, page after page', async () => {
    const pages = [
      { items: [refund({ id: 'rfd_1' })], next_cursor: 'more' },
      { items: [refund({ id: 'rfd_2', state: 'abnormal' })], next_cursor: null },
    ]
    const get = vi.spyOn(payment, 'GET').mockImplementation((async () => ({ data: pages.shift(), response: new Response() })) as never)
    expect((await waiting()).map(({ id }) => id)).toEqual(['rfd_1', 'rfd_2'])
    expect(get.mock.calls).toEqual([undefined, 'more'].map((cursor) => ['/api/v1/refunds', { params: { query: { waiting: true, cursor, limit: 200 } } }]))
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
