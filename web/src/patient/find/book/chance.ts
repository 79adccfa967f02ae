/** A probability in words that people understand: a rounded percentage, and as so many of so many. */

import type { ScheduleSchemas } from '@/api'

export type Chance = ScheduleSchemas['Chance']

export interface Told {
  /** The key of the sentence below `find.chance`. */
  key: 'unknown' | 'sure' | 'sureDraw' | 'none' | 'tiny' | 'nearly' | 'share' | 'oneIn'
  percent: number
  /** `some` of `all`. */
  some: number
  all: number
}

/** Never 0 or 100 % but where it is so: a small hope is not none, and a great one is no promise. */
export function told({ probability, kind }: Pick<Chance, 'probability' | 'kind'>): Told {
  if (probability === null) return { key: 'unknown', percent: 0, some: 0, all: 0 }
  const percent = Math.round(probability * 100)
  if (probability <= 0) return { key: 'none', percent: 0, some: 0, all: 10 }
  if (probability >= 1) return { key: kind === 'lottery' || kind === 'weighted' ? 'sureDraw' : 'sure', percent: 100, some: 10, all: 10 }
  if (probability < 0.01) return { key: 'tiny', percent: 1, some: 1, all: Number((1 / probability).toPrecision(1)) }
  if (probability > 0.99) return { key: 'nearly', percent: 99, some: 99, all: 100 }
  const tenths = Math.round(probability * 10)
  if (probability < 0.15) return { key: 'oneIn', percent, some: 1, all: Math.round(1 / probability) }
  return { key: 'share', percent, some: Math.min(tenths, 9), all: 10 }
}

/** Entries are closed, and the draw has not been made. */
export function beingDrawn(chance: Pick<Chance, 'assumptions'>): boolean {
  return chance.assumptions.some(({ code }) => code === 'being_drawn')
}

/** How far what was told has been from what came of it; null while nothing can be compared. */
export function record(chance: Chance): 'good' | 'fair' | 'poor' | null {
  const { forecasts, brier } = chance.track_record
  if (!forecasts || brier === null) return null
  return brier < 0.1 ? 'good' : brier < 0.25 ? 'fair' : 'poor'
}
