/** The sessions of orders that have no number yet, each asked for once: orders tell where and when only with their number. */

import { shallowReactive } from 'vue'
import { ask, schedule, type Order } from '@/api'
import { factsOf, type Facts } from './state'

/** Answers what is known of an order's visit; of those without a number as soon as their session is known. */
export function useFacts(): (order: Order) => Facts | undefined {
  const known = shallowReactive(new Map<string, Facts>())
  const asked = new Set<string>()

  async function learn(session_id: string): Promise<void> {
    asked.add(session_id)
    try {
      const session = await ask(schedule.GET('/api/v1/sessions/{session_id}', { params: { path: { session_id } } }))
      known.set(session_id, factsOf(session))
    } catch {
      asked.delete(session_id) // the order says what matters; asked for again when it is next shown
    }
  }

  return (order) => {
    if (order.visit) return order.visit
    if (!asked.has(order.session_id)) void learn(order.session_id)
    return known.get(order.session_id)
  }
}
