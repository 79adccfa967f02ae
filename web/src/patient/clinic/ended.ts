/** How a visit ended, in words. */

import type { Visit } from '@/api'
import { hasWords, t } from '@/i18n'

/** Of one that is void, why: as far as that has been told. */
export function endedInWords(visit: Pick<Visit, 'state' | 'void_reason'>): string {
  const why = `clinic.void.${visit.void_reason}`
  return t(visit.state === 'void' && hasWords(why) ? why : `clinic.state.${visit.state}`)
}
