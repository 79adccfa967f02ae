/** One attempt to pay after the other: started, shown, asked after, shown anew when stale, given up for another way. */

import { onScopeDispose, reactive, type Ref } from 'vue'
import { ask, newKey, payment as api, Problem, serverNow } from '@/api'
import { settled } from '../unanswered'
import { bodyOf, isOpen, isStale, type Method, type Payment, type Way } from './pay'

export interface Paying {
  /** Chosen, and being started or shown. */
  way: Way | null
  payment: Payment | null
  /** The attempt that has just ended without money. */
  ended: Payment | null
  busy: boolean
  /** Why it could not be started, or asked after. */
  error: unknown
  /** What is not offered here. */
  refused: Set<Method>
  choose: (way: Way) => void
  resume: (payment: Payment | undefined) => void
  again: () => void
  change: () => void
}

const PAUSE = 2000 // milliseconds between two looks at a payment
const READY = 15_000 // so long payment-svc may take to hear of an order

export function usePaying(order: Ref<string>): Paying {
  const keys = new Map<string, string>()
  let timer: ReturnType<typeof setTimeout> | undefined
  let turn = 0

  const paying: Paying = reactive({
    way: null,
    payment: null,
    ended: null,
    busy: false,
    error: undefined,
    refused: new Set<Method>(),
    choose(way: Way) {
      Object.assign(paying, { way, payment: null, ended: null })
      void begin()
    },
    resume(payment: Payment | undefined) {
      if (!payment || paying.way) return
      const way: Way = payment.channel ? { method: payment.method, channel: payment.channel } : { method: payment.method }
      Object.assign(paying, { way, payment })
      look()
    },
    again: () => void begin(),
    change() {
      turn++
      clearTimeout(timer)
      Object.assign(paying, { way: null, payment: null, error: undefined, busy: false })
    },
  }) as Paying
  onScopeDispose(() => paying.change())

  /** Start it, or have what is stale shown anew: the same key answers the same payment. */
  async function begin(): Promise<void> {
    const mine = ++turn
    clearTimeout(timer)
    Object.assign(paying, { busy: true, error: undefined })
    try {
      const payment = await ready(mine)
      if (mine === turn && payment) hear(payment)
    } catch (error) {
      if (mine === turn) fail(error)
    }
    if (mine === turn) paying.busy = false
  }

  /** Its order may be a moment old: payment-svc hears of it soon. */
  async function ready(mine: number): Promise<Payment | null> {
    const way = paying.way!
    const until = serverNow() + READY
    while (mine === turn) {
      try {
        const body = bodyOf(way, `/orders/${order.value}/pay`)
        const params = { path: { order_id: order.value } }
        return await ask(api.POST('/api/v1/orders/{order_id}/payments', { params, body, headers: { 'Idempotency-Key': keyOf(way) } }))
      } catch (error) {
        if (!(error instanceof Problem && error.code === 'payment_not_ready') || serverNow() > until) throw error
        keys.delete(nameOf(way))
        await new Promise((resolve) => setTimeout(resolve, 700))
      }
    }
    return null
  }

  function fail(error: unknown): void {
    const way = paying.way
    if (way && settled(error)) keys.delete(nameOf(way))
    if (way && error instanceof Problem && error.code === 'method_not_available') {
      paying.refused.add(way.method)
      paying.way = null
    }
    paying.error = error
  }

  function hear(payment: Payment): void {
    paying.payment = payment
    if (isOpen(payment)) return look()
    if (payment.state === 'succeeded' || !paying.way) return
    keys.delete(nameOf(paying.way))
    Object.assign(paying, { ended: payment, way: null, payment: null })
  }

  function look(): void {
    clearTimeout(timer)
    timer = setTimeout(() => void (document.hidden ? look() : asked()), PAUSE)
  }

  async function asked(): Promise<void> {
    const payment = paying.payment
    if (!payment) return
    if (isStale(payment, serverNow())) return await begin()
    const mine = turn
    try {
      const found = await ask(api.GET('/api/v1/payments/{payment_id}', { params: { path: { payment_id: payment.id } } }))
      if (mine !== turn) return
      paying.error = undefined
      hear(found)
    } catch (error) {
      if (mine !== turn) return
      paying.error = error
      look()
    }
  }

  function nameOf(way: Way): string {
    return `${way.method} ${way.channel ?? ''}`
  }

  function keyOf(way: Way): string {
    const name = nameOf(way)
    if (!keys.has(name)) keys.set(name, newKey())
    return keys.get(name)!
  }

  return paying
}
