import { describe, expect, it } from 'vitest'
import type { Queue } from '@/shared/clinic'
import { deskTurn, freshRooms } from './turns'

const desks = Array.from({ length: 8 }, (_, n) => ({ room: `${n}` })) as Queue['desks']
const rooms = (places: number, turn: number, ...fresh: string[]) => deskTurn(desks, places, turn, new Set(fresh)).map((desk) => desk.room).join('')
const turns = (places: number, ...fresh: string[]) => [0, 1, 2, 3, 4, 5, 6].map((turn) => rooms(places, turn, ...fresh))

describe('desks that take turns', () => {
  it('are all there if there is room for all', () => {
    expect([rooms(8, 0), rooms(Infinity, 5)]).toEqual(['01234567', '01234567'])
  })

  it('come round, as many as there is room for, in their order', () => {
    expect(turns(3)).toEqual(['012', '345', '567', '012', '345', '567', '012'])
    expect(turns(1).slice(0, 3)).toEqual(['0', '1', '2'])
  })

  it.each([[3, ['6']], [3, ['2', '6']], [3, ['1', '2', '6']], [3, ['0', '1', '2', '3', '4', '5', '6', '7']], [1, ['5']], [5, ['7', '0']]])('each comes round though some stay: %i places, %j just called', (places, fresh) => {
    const found = turns(places, ...fresh)
    const more = Array.from({ length: 8 }, (_, n) => rooms(places, n, ...fresh))
    for (const turn of found) expect([turn.length, [...turn].sort().join('')]).toEqual([places, turn])
    expect(new Set(more.join('')).size).toBe(8)
    if (fresh.length < places) for (const turn of found) for (const room of fresh) expect(turn).toContain(room)
  })
})

it('a call is fresh for a while, as long as it stands', () => {
  const now = Date.parse('2026-11-23T10:00:00+08:00')
  const call = (room: string, state: string, seconds: number) => ({ room, state, at: new Date(now - seconds * 1000).toISOString() })
  const called = [call('1', 'called', 3), call('2', 'serving', 3), call('3', 'called', 29), call('4', 'called', 31)] as Queue['called']
  expect([...freshRooms(called, now)]).toEqual(['1', '3'])
})
