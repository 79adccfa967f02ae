/** How long those at the head of a line may expect to wait: asked for once a minute at most, one after the other. */

import { computed, onScopeDispose, ref, watch, type ComputedRef } from 'vue'
import { ask, booking } from '@/api'
import { useLoad } from '@/shared/load'

const MOST = 12 // each costs the server a simulation
const EVERY = 60_000 // milliseconds

/**
 * Minutes, by the visits' ids; of the first dozen. Nothing where nobody can say, as while no room is open. When the line moves, what was
 * known of who is still there stands until its minute is over.
 */
export function useWaits(waiting: () => string[]): ComputedRef<Map<string, number>> {
  const first = computed(() => waiting().slice(0, MOST))
  const known = ref(new Map<string, number>())
  let begun = -EVERY
  let round = new AbortController()

  async function look(): Promise<true> {
    if (performance.now() - begun < EVERY || !first.value.length) return true
    begun = performance.now()
    round.abort()
    const { signal } = (round = new AbortController())
    for (const visit_id of [...first.value]) {
      if (signal.aborted) break
      if (!first.value.includes(visit_id)) continue // called meanwhile
      const wait = await ask(booking.GET('/api/v1/visits/{visit_id}/wait', { params: { path: { visit_id } }, signal })).catch(() => null)
      if (signal.aborted) break
      if (wait) known.value.set(visit_id, Math.ceil(wait.expected / 60))
      else known.value.delete(visit_id)
    }
    return true
  }

  const load = useLoad(look, { every: EVERY })
  watch(
    () => first.value.join(),
    () => {
      if (first.value.length && performance.now() - begun >= EVERY) void load.reload()
    },
  )
  onScopeDispose(() => round.abort())
  return computed(() => new Map([...known.value].filter(([visit_id]) => first.value.includes(visit_id))))
}
