/** What went wrong, in words for people. */

import { Problem, Unreachable } from '@/api/problem'
import { hasWords, t } from '.'

/** Words for whatever was raised. A code without words of its own shows the server's detail, which is English. */
export function say(error: unknown): string {
  if (error instanceof Unreachable) return t('fault.unreachable')
  if (!(error instanceof Problem)) return t('fault.unknown', { code: error instanceof Error ? error.name : 'unknown' })
  const key = `problems.${error.code}`
  if (hasWords(key)) return t(key, error.extra)
  if (error.status >= 500) return t('problems.internal_error')
  return error.extra.detail ? error.message : t('fault.unknown', { code: error.code })
}

/** The fault of one field of a form, or ''. */
export function faultOf(error: unknown, field: string): string {
  return (error instanceof Problem && error.faults.find((fault) => fault.field === field)?.message) || ''
}
