/** Why a call is over and she waits again, in words: it would just vanish else. Without her place: a status is read out whenever it changes. */

import type { Visit } from '@/api'
import { hasWords, t } from '@/i18n'
import { clock } from '@/shared/format'

export function vainInWords({ ahead, vain_call }: Pick<Visit, 'ahead' | 'vain_call'>): string {
  if (ahead === null || !vain_call) return ''
  const key = `clinic.vain.${vain_call.ended}`
  return hasWords(key) ? t(key, { time: clock(vain_call.at) }) : ''
}
