/** How far a share of promises that held can be trusted, and what it says. */

import type { BookingSchemas } from '@/api'

type Coverage = BookingSchemas['Coverage']

const FEW = 30

/** Half of a 95 % interval, as a share (Agresti and Coull: two successes and two failures are added); null without promises. */
export function marginOf({ share, count }: Coverage): number | null {
  if (share === null || !count) return null
  const n = count + 4
  const p = (share * count + 2) / n
  return 1.96 * Math.sqrt((p * (1 - p)) / n)
}

/** few: nobody can tell yet; low: promises hold too seldom; wide: too often, so that they say less than they could. */
export function verdictOf(coverage: Coverage): 'none' | 'few' | 'low' | 'good' | 'wide' {
  const margin = marginOf(coverage)
  if (margin === null) return 'none'
  if (coverage.count < FEW) return 'few'
  if (coverage.share! + margin < coverage.meant) return 'low'
  return coverage.share! - margin > coverage.meant + 0.1 ? 'wide' : 'good'
}
