/**
 * The server's clock. Releases, payment windows and calls go by it, and a patient's phone may be minutes off.
 *
 * Each answer has a Date of whole seconds: when it was written, between our asking and our receiving, the server's clock
 * showed a time in [Date, Date + 1 s). So each gives an interval in which (server - ours) lies; their intersection soon is
 * narrower than the way of one answer. If they exclude each other, somebody set a clock: the newest counts.
 */

import { onScopeDispose, ref, type Ref } from 'vue'

interface Offset {
  low: number
  high: number
}

let offset: Offset | undefined
let planned: Offset | undefined // what was known at the last tellingPause
let tellings = 0

/** Learn from an answer. sent, received: our clock, milliseconds; date: its Date header. */
export function learn(sent: number, received: number, date: string | null): void {
  const stamp = date ? Date.parse(date) : NaN
  if (Number.isNaN(stamp)) return
  const seen = { low: stamp - received, high: stamp + 1000 - sent }
  const both = offset && { low: Math.max(offset.low, seen.low), high: Math.min(offset.high, seen.high) }
  offset = both && both.low <= both.high ? both : seen
}

/** For tests. */
export function forget(): void {
  offset = planned = undefined
  tellings = 0
}

/** The server's time as well as it is known, milliseconds since 1970. */
export function serverNow(): number {
  return Date.now() + (offset ? (offset.low + offset.high) / 2 : 0)
}

const FINE = 250 // milliseconds: known so well, nobody has to ask at the same moments as everybody else
const TELLINGS = 3 // nor after so many: over a slow network it is never known so well

/**
 * When to ask again after `least` milliseconds, so that the answer tells most of the clock: when we take it to show a full second.
 * Its Date then is of that second or of the one before, which halves the interval; an answer at any other moment may tell nothing new.
 * Afterwards anywhen within a second, lest a crowd that waits for a release goes on asking all at once. A tab out of sight plans
 * anew without having asked: that does not count.
 */
export function tellingPause(least: number): number {
  if (planned !== offset) tellings++
  planned = offset
  if (!offset || offset.high - offset.low <= FINE || tellings > TELLINGS) return least + Math.random() * 1000
  return least + 1000 - ((serverNow() + least) % 1000)
}

/** The server's time, told anew right after each of its full seconds (every `step` milliseconds). */
export function useServerNow(step = 1000): Ref<number> {
  const now = ref(serverNow())
  let timer: ReturnType<typeof setTimeout>
  const tick = () => {
    now.value = serverNow()
    timer = setTimeout(tick, step - (now.value % step) + 5)
  }
  tick()
  onScopeDispose(() => clearTimeout(timer))
  return now
}
