import { describe, expect, it } from 'vitest'
import { marginOf, verdictOf } from './coverage'
import { known, percent } from './load'

const coverage = (share: number | null, count: number) => ({ department_id: 'd', share, count, left: 0, meant: 0.8, since: null })

describe('how often promises held', () => {
  it('is told with how much of it is luck', () => {
    expect(marginOf(coverage(null, 0))).toBeNull()
    expect(marginOf(coverage(0.8, 400))).toBeCloseTo(0.039, 3)
    expect(marginOf(coverage(1, 1))!).toBeGreaterThan(0.3) // one promise says hardly anything
  })

  it.each([
    [null, 0, 'none'],
    [0, 5, 'few'],
    [0.8, 400, 'good'],
    [0.77, 400, 'good'],
    [0.6, 400, 'low'],
    [0.98, 400, 'wide'],
  ])('%s of %i is %s', (share, count, verdict) => expect(verdictOf(coverage(share, count))).toBe(verdict))

  it('shows no zero that was not measured', () => {
    expect([known(null), known(undefined), known(0), percent(null), percent(0.805)]).toEqual(['–', '–', '0.0', '–', '81%'])
  })
})
