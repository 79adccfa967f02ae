/** What went wrong, in words for people. */

import { OTHER_401, Problem, Unreachable } from '@/api/problem'
import { hasWords, t } from '.'

/** Whether it wants a login, as there is none (any more). */
export function isLoggedOut(error: unknown): boolean {
  return error instanceof Problem && error.status === 401 && !OTHER_401.has(error.code)
}

/** Words for whatever was raised. A code without words of its own shows the server's detail, which is English; but not where there is simply nothing. */
export function say(error: unknown): string {
  if (error instanceof Unreachable) return t('fault.unreachable')
  if (!(error instanceof Problem)) return t('fault.unknown')
  const key = `problems.${error.code}`
  if (hasWords(key)) return t(key, error.extra)
  if (isLoggedOut(error)) return t('problems.unauthorized')
  if (error.status === 404) return t('problems.not_found')
  if (error.status >= 500) return t('problems.internal_error')
  return error.extra.detail ? error.message : t('fault.unknown')
}

/** The fault of one field of a form, or ''. */
export function faultOf(error: unknown, field: string): string {
  return (error instanceof Problem && error.faults.find((fault) => fault.field === field)?.message) || ''
}
