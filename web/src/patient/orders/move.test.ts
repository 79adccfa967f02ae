import { expect, it } from 'vitest'
import type { Session } from '@/api'
import { byDay, difference, movable } from './move'
import { NOW, orderOf, yuan } from './samples'

function session(id: string, more: Partial<Session> = {}): Session {
  const slot = { id: `slo_${id}`, starts_at: '', ends_at: '', capacity: 3, remaining: 2 }
  return {
    id,
    state: 'open',
    remaining: 2,
    policy: 'first_come',
    draw_at: null,
    date: '2026-11-30',
    starts_at: '2026-11-30T08:00:00+08:00',
    fee: yuan(5000),
    slots: [slot],
    ...more,
  } as Session
}
const ids = (found: Session[]) => found.map((s) => s.id)
const order = orderOf('confirmed', { paid: yuan(5000) })

it('one moves to what is open and has a number, the soonest first', () => {
  const later = session('later', { starts_at: '2026-12-01T08:00:00+08:00' })
  const found = movable([later, session('full', { remaining: 0 }), session('announced', { state: 'announced' }), session('a')], order, NOW)
  expect(ids(found)).toEqual(['a', 'later'])
})

it('not to a draw before it is made, but to what it left over', () => {
  const before = session('before', { policy: 'lottery', draw_at: new Date(NOW + 1).toISOString() })
  const after = session('after', { policy: 'weighted', draw_at: new Date(NOW).toISOString() })
  expect(ids(movable([before, after], order, NOW))).toEqual(['after'])
})

it('within her own session to another time only', () => {
  const one = { id: 'slo_1', starts_at: '', ends_at: '', capacity: 3, remaining: 1 }
  expect(movable([session('ses_1', { slots: [one] })], order, NOW)).toEqual([])
  expect(ids(movable([session('ses_1', { slots: [one, { ...one, id: 'slo_2' }] })], order, NOW))).toEqual(['ses_1'])
})

it('costs the difference to what is with us', () => {
  expect(difference(order, { fee: yuan(8000) })).toBe(3000)
  expect(difference(order, { fee: yuan(3000) })).toBe(-2000)
  expect(difference(orderOf('confirmed', { paid: yuan(8000), refunded: yuan(3000) }), { fee: yuan(5000) })).toBe(0)
})

it('days are in order', () => {
  const days = byDay([session('a'), session('b'), session('c', { date: '2026-12-01' })])
  expect(days.map(([day, found]) => [day, found.length])).toEqual([
    ['2026-11-30', 2],
    ['2026-12-01', 1],
  ])
})
