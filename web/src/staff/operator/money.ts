/** How days and differences of reconciliation look. */

import type { PaymentSchemas } from '@/api'

export const DAY_BADGE: Record<PaymentSchemas['DayOut']['state'], string> = { waiting: 'warn', open: 'bad', closed: 'good' }

export const DIFFERENCE_BADGE: Record<PaymentSchemas['DifferenceOut']['state'], string> = {
  open: 'bad',
  explained: 'warn',
  settled: 'good',
}
