/** Checking in: when it is possible, and what a refusal means for her. */

import { Problem, type Visit } from '@/api'
import { t } from '@/i18n'
import { say } from '@/i18n/problems'
import { clock, isoDay, moment } from '@/shared/format'

/** `not_needed`: she has checked in, or there is nothing to check in for. */
export type CheckInState = 'early' | 'open' | 'late' | 'too_late' | 'not_needed'

/** By the visit's rule, at a time of the server's clock. */
export function checkInState(visit: Pick<Visit, 'state' | 'check_in'>, now: number): CheckInState {
  const rule = visit.check_in
  if (visit.state !== 'expected' || !rule) return 'not_needed'
  if (now < Date.parse(rule.opens_at)) return 'early'
  if (now > Date.parse(rule.void_after)) return 'too_late'
  return now > Date.parse(rule.late_after) ? 'late' : 'open'
}

/** A time of today as 08:30, another one with its day. */
export function when(time: string, now: number): string {
  return isoDay(Date.parse(time)) === isoDay(now) ? clock(time) : moment(time)
}

/** What was wrong, with what she can do about it. */
export function refusedWords(error: unknown, now: number): string {
  if (!(error instanceof Problem)) return say(error)
  const { from, tries_left, metres, possible } = error.extra
  switch (error.code) {
    case 'too_early':
      return t('clinic.refused.too_early', { time: when(String(from), now) })
    case 'wrong_code':
      return Number(tries_left) > 0 ? t('clinic.refused.wrong_code', { n: Number(tries_left) }) : t('clinic.refused.no_tries')
    case 'not_here':
      return t('clinic.refused.not_here', { far: distance(Number(metres)) })
    case 'proof_needed':
      return Array.isArray(possible) && possible.length === 0 ? t('clinic.refused.no_tries') : t('clinic.refused.proof_needed')
    case 'too_late':
    case 'not_confirmed':
    case 'queue_closed':
    case 'already_moving':
    case 'session_over':
      return t(`clinic.refused.${error.code}`)
    default:
      return say(error)
  }
}

/** 850 米, 3.2 公里 */
export function distance(metres: number): string {
  return metres < 1000 ? t('clinic.metres', { n: Math.max(10, Math.round(metres / 10) * 10) }) : t('clinic.kilometres', { n: (metres / 1000).toFixed(1) })
}

/** The refusals after which trying the same again is in vain. */
export function isFinal(error: unknown): boolean {
  return error instanceof Problem && ['too_late', 'not_confirmed', 'queue_closed', 'already_moving', 'session_over'].includes(error.code)
}
