/** An order, and what was tried to pay it, as a page follows them. */

import type { Ref } from 'vue'
import { ask, booking, payment, serverNow, type Order } from '@/api'
import { useLoad, type Load } from '@/shared/load'
import type { Payment } from './pay'
import { lookout, rhythm } from './state'

/** Asked for again as often as its state is worth it. */
export function useOrder(id: Ref<string>): Load<Order> {
  const load: Load<Order> = useLoad(
    () => ask(booking.GET('/api/v1/orders/{order_id}', { params: { path: { order_id: id.value } } })),
    { every: (): number => (load.data ? rhythm(load.data, serverNow()) : 5000), of: [id] },
  )
  return load
}

/** The payments that an order knows of: asked for anew with each of its states, and for a while after its end. */
export function usePayments(order: Load<Order>): Load<Payment[]> {
  return useLoad(
    async () => {
      if (!order.data?.due) return []
      return (await ask(payment.GET('/api/v1/payments', { params: { query: { order_id: order.data.id } } }))).items
    },
    {
      every: () => (order.data ? lookout(order.data, serverNow()) : 0),
      of: [() => order.data?.id, () => order.data?.state, () => order.data?.paid.amount],
    },
  )
}
