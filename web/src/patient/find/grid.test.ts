import { describe, expect, it } from 'vitest'
import type { Session } from '@/api'
import { days, freeByDay, gridOf, nextFree, nextRelease, usefulFirst } from './grid'

const NOW = Date.parse('2026-11-23T10:00:00+08:00')

/** A session of a day, by its beginning. */
function session(date: string, hour: number, more: Partial<Session> = {}): Session {
  const two = (n: number) => String(n).padStart(2, '0')
  return {
    id: `ses_${date}_${hour}`,
    date,
    period: hour < 12 ? 'morning' : hour < 18 ? 'afternoon' : 'evening',
    starts_at: `${date}T${two(hour)}:00:00+08:00`,
    ends_at: `${date}T${two(hour + 2)}:00:00+08:00`,
    release_at: '2026-11-16T07:00:00+08:00',
    draw_at: null,
    policy: 'first_come',
    state: 'open',
    remaining: 1,
    ...more,
  } as Session
}

describe('the grid', () => {
  it('has a row for each day, over the end of a month', () => {
    expect(days('2026-11-23')).toHaveLength(14)
    expect(days('2026-11-23').at(-1)).toBe('2026-12-06')
    expect(days('2026-12-31', 2)).toEqual(['2026-12-31', '2027-01-01'])
  })

  it('puts each session into its day and time, the earlier first, and nothing anywhere else', () => {
    const [late, early] = [session('2026-11-24', 10), session('2026-11-24', 8)]
    const evening = session('2026-12-06', 18)
    const rows = gridOf([late, evening, early, session('2026-12-07', 8), session('2026-11-22', 8)], '2026-11-23')
    expect(rows[1]!.cells.morning).toEqual([early, late])
    expect(rows[13]!.cells.evening).toEqual([evening])
    expect(rows.flatMap((row) => Object.values(row.cells).flat())).toHaveLength(3)
    expect(rows.map((row) => row.empty)).toEqual([true, false, ...Array<boolean>(11).fill(true), false])
  })
})

describe('what is next', () => {
  const full = session('2026-11-24', 8, { remaining: 0 })
  const soon = session('2026-11-25', 14)
  const later = session('2026-11-26', 8)
  const coming = session('2026-12-01', 8, { release_at: '2026-11-24T07:00:00+08:00' })
  const after = session('2026-12-02', 8, { release_at: '2026-11-25T07:00:00+08:00' })
  const stopped = session('2026-11-23', 14, { state: 'stopped' })

  it('is the earliest of which something can be had', () => {
    expect(nextFree([later, full, coming, soon, stopped], NOW)).toBe(soon)
    expect(nextFree([full, coming, stopped], NOW)).toBeUndefined()
  })

  it('is the earliest release', () => {
    expect(nextRelease([after, soon, coming], NOW)).toBe(coming.release_at)
    expect(nextRelease([soon], NOW)).toBeUndefined()
  })

  it('counts by day what is free', () => {
    expect(freeByDay([soon, session('2026-11-25', 8), full, coming], NOW)).toEqual(new Map([['2026-11-25', 2]]))
  })

  it('shows what is useful first, and what is over last', () => {
    expect(usefulFirst([stopped, full, later, soon], NOW)).toEqual([soon, later, full, stopped])
  })
})
