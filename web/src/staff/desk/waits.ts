/** How long those at the head of a line may expect to wait: asked for once a minute, one after the other. */

import { computed, type ComputedRef } from 'vue'
import { ask, booking } from '@/api'
import { useLoad } from '@/shared/load'

const MOST = 12 // each costs the server a simulation
const EVERY = 60_000 // milliseconds

/** Minutes, by the visits' ids; of the first dozen. Nothing where nobody can say, as while no room is open. */
export function useWaits(waiting: () => string[]): ComputedRef<Map<string, number>> {
  const first = computed(() => waiting().slice(0, MOST).join(' '))
  const load = useLoad(
    async () => {
      const found = new Map<string, number>()
      for (const visit_id of first.value.split(' ').filter(Boolean)) {
        const wait = await ask(booking.GET('/api/v1/visits/{visit_id}/wait', { params: { path: { visit_id } } })).catch(() => null)
        if (wait) found.set(visit_id, Math.ceil(wait.expected / 60))
      }
      return found
    },
    { every: EVERY, of: [first] },
  )
  return computed(() => load.data ?? new Map<string, number>())
}
