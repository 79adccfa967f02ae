/** How a session stands at a moment of the server's clock: what the API said some seconds ago, and what the clock has made of it since. */

import type { Session } from '@/api'

export type Phase =
  | 'announced' // numbers, or entries to the draw, begin at release_at
  | 'open'
  | 'entering' // a draw takes entries
  | 'drawing' // entries are closed, the draw is being made
  | 'sold_out'
  | 'stopped'
  | 'closed'

/** What is looked at of a session. */
export type Timed = Pick<Session, 'state' | 'policy' | 'release_at' | 'draw_at' | 'ends_at' | 'remaining'>

const DRAW_TAKES = 15_000 // milliseconds after the end of entries in which a draw is said to be under way; docs/draws.md: it waits for 5 s
const NEAR = 60_000 // milliseconds around a release or a draw in which it is asked often
const OFTEN = 3_000
const SELDOM = 20_000

/** The phase at `now`, milliseconds. At the very second of the release it is open, whatever was said before it. */
export function phaseOf(session: Timed, now: number): Phase {
  if (session.state === 'stopped') return 'stopped'
  if (session.state === 'closed' || now >= Date.parse(session.ends_at)) return 'closed'
  if (now < Date.parse(session.release_at)) return 'announced'
  if (session.policy !== 'first_come' && session.draw_at) {
    const draw = Date.parse(session.draw_at)
    if (now < draw) return 'entering'
    if (now < draw + DRAW_TAKES) return 'drawing'
  }
  return session.remaining > 0 ? 'open' : 'sold_out'
}

/** Something can be had of it now: a number, or a place in the draw. */
export function bookable(phase: Phase): boolean {
  return phase === 'open' || phase === 'entering'
}

/** Milliseconds until the server is to be asked again: seldom, but often around a release or a draw. 0: it is over. */
export function pace(session: Timed | undefined, now: number): number {
  if (!session) return SELDOM
  if (phaseOf(session, now) === 'closed') return 0
  const turns = [session.release_at, session.draw_at].filter((turn): turn is string => turn !== null).map((turn) => Date.parse(turn))
  if (turns.some((turn) => Math.abs(turn - now) <= NEAR)) return OFTEN
  const sooner = Math.min(...turns.filter((turn) => turn > now).map((turn) => turn - now - NEAR))
  return Math.max(OFTEN, Math.min(SELDOM, sooner))
}

/** Of several: as often as the most pressing asks for. */
export function paceOf(sessions: readonly Timed[] | undefined, now: number): number {
  return Math.min(SELDOM, ...(sessions ?? []).map((session) => pace(session, now)).filter((every) => every > 0))
}
