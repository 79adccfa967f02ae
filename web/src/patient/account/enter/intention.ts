/** One key for one intention: pressed again after an unanswered request, the same thing is asked for, not a second one. */

import { computed, type ComputedRef } from 'vue'
import { newKey } from '@/api'

/** The header with a key that stays the same while what is to be sent does. */
export function useIntention(inputs: () => unknown): ComputedRef<{ 'Idempotency-Key': string }> {
  const written = computed(() => JSON.stringify(inputs()))
  return computed(() => {
    void written.value // another wish, another key
    return { 'Idempotency-Key': newKey() }
  })
}
