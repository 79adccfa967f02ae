/** The visit of an order on its day: whether she has checked in, is called, is being seen. */

import { computed } from 'vue'
import { ask, booking, serverNow, type Order, type Visit } from '@/api'
import { useLoad, type Load } from '@/shared/load'
import { isToday } from './state'

const EVERY = 20_000 // milliseconds

export function useVisit(order: () => Order): Load<Visit | null> {
  const known = computed(() => (order().state === 'confirmed' ? order().visit_id : null))
  return useLoad(
    async () => {
      if (!known.value || !isToday(order(), serverNow())) return null
      return await ask(booking.GET('/api/v1/visits/{visit_id}', { params: { path: { visit_id: known.value } } }))
    },
    { every: () => (known.value ? EVERY : 0), of: [known] },
  )
}
