import { describe, expect, it } from 'vitest'
import { means, rhythm, settledShare, type Stoppage } from './stopping'

const board = (changes: Partial<Stoppage>): Stoppage => ({
  session_id: 's', stopped: true, settled: false, orders: 0, amount: { amount: 0, currency: 'CNY' }, states: [], ...changes,
})

describe('the board of a stop', () => {
  it('is asked for until it is settled, and then no more', () => {
    expect(rhythm(board({ orders: 3 }), true)).toBeLessThan(3000)
    expect(rhythm(board({ stopped: false }), true)).toBeLessThan(3000) // booking-svc has not heard of it yet
    expect(rhythm(board({ settled: true }), true)).toBe(0)
    expect(rhythm(board({ stopped: false, orders: 3 }), false)).toBeGreaterThan(3000)
  })

  it('tells how much is done', () => {
    expect(settledShare(board({ orders: 3 }), 4)).toBe(0.25)
    expect(settledShare(board({ settled: true }), 0)).toBe(1)
    expect(settledShare(board({ stopped: false }), 0)).toBe(0)
  })

  it('is for who types the name of this doctor', () => {
    expect(means(' 王立群 ', '王立群')).toBe(true)
    expect(means('', '王立群')).toBe(false)
    expect(means('王立', '王立群')).toBe(false)
  })
})
