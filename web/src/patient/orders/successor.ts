/** The order of hers that is about to take the place of another: a move of which she has perhaps had no answer. */

import { ask, booking, type Order, type OrderState } from '@/api'
import { useLoad, type Load } from '@/shared/load'

const UNDER_WAY: ReadonlySet<OrderState> = new Set(['reserving', 'awaiting_payment', 'closing', 'moving'])
const REPLACEABLE: ReadonlySet<OrderState> = new Set(['confirmed', 'substitute_offered'])
const NEWEST = 50 // it is among her last: it is paid within minutes, or ends
const EVERY = 20_000 // milliseconds

/** Asked for while the order stands and can be moved; null if there is none. */
export function useSuccessor(order: Load<Order>): Load<Order | null> {
  const stands = (): boolean => order.data !== undefined && REPLACEABLE.has(order.data.state)
  return useLoad(
    async () => {
      const id = order.data?.id
      if (!id || !stands()) return null
      const { items } = await ask(booking.GET('/api/v1/orders', { params: { query: { limit: NEWEST } } }))
      return items.find((one) => one.replaces === id && UNDER_WAY.has(one.state)) ?? null
    },
    { every: () => (stands() ? EVERY : 0), of: [() => order.data?.id, () => order.data?.state] },
  )
}
