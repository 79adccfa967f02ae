import { describe, expect, it } from 'vitest'
import type { Spoken } from '@/shared/clinic'
import { LATE, Memory, newest, toSpeak } from './calls'

const NOW = Date.parse('2026-11-23T10:00:00+08:00')
const call = (serial: number, state: Spoken['state'] = 'called', ago = 0): Spoken => ({ serial, state, ticket: String(serial), room: '101', at: new Date(NOW - ago).toISOString(), again: false })
const serials = (calls: Spoken[]) => calls.map(({ serial }) => serial)

function storage(): Pick<Storage, 'getItem' | 'setItem'> {
  const kept = new Map<string, string>()
  return { getItem: (key) => kept.get(key) ?? null, setItem: (key, value) => void kept.set(key, value) }
}

describe('calls that are still to be spoken', () => {
  it('are those after the last one, in the order in which they were made', () => {
    expect(serials(toSpeak([call(9), call(7), call(4), call(3)], 4, NOW))).toEqual([7, 9])
  })

  it('are of people who have come meanwhile, too, if the screen was away for a moment', () => {
    expect(serials(toSpeak([call(9), call(8, 'done', 60_000), call(7, 'serving', LATE)], 4, NOW))).toEqual([7, 8, 9])
  })

  it('are not of long ago, unless she is still waited for', () => {
    expect(serials(toSpeak([call(9, 'called', LATE + 1), call(8, 'done', LATE + 1), call(7, 'waiting', LATE + 1)], 4, NOW))).toEqual([9])
  })

  it('are on a new screen those that stand', () => {
    expect(serials(toSpeak([call(9), call(8, 'done', 1000), call(7, 'called')], undefined, NOW))).toEqual([7, 9])
  })

  it('are none twice', () => {
    expect(toSpeak([call(9), call(7)], newest([call(9), call(7)]), NOW)).toEqual([])
  })
})

describe('the memory of a screen', () => {
  it('outlives a restart, each queue for itself', () => {
    const kept = storage()
    new Memory(kept).spoke('a', 7)
    const again = new Memory(kept)
    again.spoke('b', 3)
    expect([new Memory(kept).last('a'), new Memory(kept).last('b'), new Memory(kept).last('c')]).toEqual([7, 3, undefined])
  })

  it('never goes back', () => {
    const memory = new Memory(storage())
    memory.spoke('a', 7)
    memory.spoke('a', 5)
    expect(memory.last('a')).toBe(7)
  })

  it('forgets the queues of days ago, and what is no memory', () => {
    const kept = storage()
    const memory = new Memory(kept)
    for (let n = 0; n < 100; n++) memory.spoke(`q${n}`, n)
    expect(new Memory(kept).last('q99')).toBe(99)
    expect(new Memory(kept).last('q1')).toBeUndefined()
    kept.setItem('haoyuan.board.spoken', '[["a",1],["b"],7,{"c":3}]')
    expect(new Memory(kept).last('a')).toBe(1)
    kept.setItem('haoyuan.board.spoken', 'no JSON')
    expect(new Memory(kept).last('a')).toBeUndefined()
  })
})
