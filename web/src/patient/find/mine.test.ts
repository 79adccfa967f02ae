import { describe, expect, it } from 'vitest'
import type { Order } from '@/api'
import { mineOf, pathOf } from './mine'

const NOW = Date.parse('2026-11-23T10:00:00+08:00')
const order = (id: string, more: Partial<Order>): Order => ({ id, state: 'confirmed', pay_before: null, accept_before: null, visit: null, ...more }) as Order
const visit = (starts: string, ends: string) => ({ starts_at: `2026-11-${starts}:00+08:00`, ends_at: `2026-11-${ends}:00+08:00` }) as Order['visit']

describe('what is shown of her own', () => {
  it('is what waits for her, the most pressing first, then the next visit alone', () => {
    const found = mineOf(
      [
        order('later', { visit: visit('26T08:00', '26T08:30') }),
        order('next', { visit: visit('24T08:00', '24T08:30') }),
        order('stopped', { state: 'substitute_offered', accept_before: '2026-11-24T10:00:00+08:00' }),
        order('unpaid', { state: 'awaiting_payment', pay_before: '2026-11-23T10:15:00+08:00' }),
        order('done', { state: 'fulfilled', visit: visit('24T07:00', '24T07:30') }),
      ],
      NOW,
    )
    expect(found.map(pathOf)).toEqual(['/orders/unpaid/pay', '/orders/stopped', '/orders/next'])
    expect(found.map(({ kind, order }) => [kind, order.id])).toEqual([
      ['pay', 'unpaid'],
      ['substitute', 'stopped'],
      ['visit', 'next'],
    ])
  })

  it('leads to the line on the day of the visit', () => {
    const [today] = mineOf([order('today', { visit: { ...visit('23T14:00', '23T14:30')!, date: '2026-11-23' }, visit_id: 'vis_1' })], NOW)
    expect([today!.kind, pathOf(today!)]).toEqual(['today', '/visits/vis_1'])
  })

  it('is not what is over', () => {
    const past = order('past', { visit: visit('23T08:00', '23T09:00') })
    const late = order('late', { state: 'offered', accept_before: '2026-11-23T09:59:59+08:00' })
    expect(mineOf([past, late], NOW)).toEqual([])
  })
})
