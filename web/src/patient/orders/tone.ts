/** The colour of a state's badge; the words beside it say the same. */

import type { OrderState } from '@/api'

export function toneOf(state: OrderState): '' | 'good' | 'warn' | 'bad' {
  switch (state) {
    case 'confirmed':
    case 'fulfilled':
      return 'good'
    case 'offered':
    case 'awaiting_payment':
    case 'substitute_offered':
      return 'warn'
    case 'rejected':
    case 'refund_failed':
    case 'no_show':
      return 'bad'
    default:
      return ''
  }
}
