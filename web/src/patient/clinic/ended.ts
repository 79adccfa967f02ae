/** How a visit ended, in words. */

import type { Visit } from '@/api'
import { named, t } from '@/i18n'

/** Of one that is void, why: as far as that has been told. */
export function endedInWords(visit: Pick<Visit, 'state' | 'void_reason'>): string {
  const otherwise = `clinic.state.${visit.state}`
  return visit.state === 'void' ? named('clinic.void', String(visit.void_reason), otherwise) : t(otherwise)
}
