/** Why a wall has nothing to show, in words for whoever looks up at it: nobody there can press anything. It is tried again by itself. */

import { isGone } from '@/api'
import { t } from '@/i18n'
import { isLoggedOut } from '@/i18n/problems'
import './messages'

export function troubleOf(error: unknown): string {
  if (isLoggedOut(error)) return t('board.loggedOut')
  return t(isGone(error) ? 'board.gone' : 'board.unloaded')
}
