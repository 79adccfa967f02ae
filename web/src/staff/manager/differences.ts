/** What alternatives change, in minutes, with the 95 % intervals: one row for each alternative and figure. */

import { inMinutes, type Planned } from './charts'

export interface Difference {
  plan: string
  of: 'wait_mean' | 'overtime' | 'idle'
  low: number
  mean: number
  high: number
}

const FIGURES = [
  ['wait_change', 'wait_mean'],
  ['overtime_change', 'overtime'],
  ['idle_change', 'idle'],
] as const

export function differencesOf(planned: Planned, names: string[]): Difference[] {
  return planned.alternatives.flatMap((alternative, n) =>
    FIGURES.flatMap(([field, of]) => {
      const change = alternative[field]
      if (!change) return []
      const [low, mean, high] = [change.low, change.mean, change.high].map((value) => inMinutes(value)!)
      return [{ plan: names[n]!, of, low: low!, mean: mean!, high: high! }]
    }),
  )
}

/** less, more, or nothing that could not be luck. */
export function directionOf({ low, high }: Pick<Difference, 'low' | 'high'>): 'less' | 'more' | 'none' {
  if (high < 0) return 'less'
  return low > 0 ? 'more' : 'none'
}
