/** The pages as they are, with what the services answer. */

import { flushPromises, mount } from '@vue/test-utils'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { createMemoryHistory, createRouter } from 'vue-router'
import { booking, payment, schedule, type Order } from '@/api'
import { i18n } from '@/i18n'
import PatientLayout from '@/patient/PatientLayout.vue'
import OrderPage from './OrderPage.vue'
import { orderOf } from './samples'

const ok = (data: unknown) => Promise.resolve({ data, response: new Response(null, { status: 200 }) })
type Get = (path: string, init: { params: { path: { order_id: string } } }) => Promise<unknown>

let orders: Order[]
beforeEach(() => {
  vi.useFakeTimers({ now: Date.parse('2026-11-23T02:00:00Z'), toFake: ['Date', 'setTimeout', 'clearTimeout'] })
  const get: Get = (path, init) => (path === '/api/v1/orders/{order_id}' ? ok(orders.find((o) => o.id === init.params.path.order_id)) : ok({ items: [] }))
  vi.spyOn(booking, 'GET').mockImplementation(get as never)
  vi.spyOn(payment, 'GET').mockImplementation((() => ok({ items: [] })) as never)
  vi.spyOn(schedule, 'GET').mockImplementation((() => ok({ rules: { cool_down: {}, penalties: [] } })) as never)
})
afterEach(() => vi.useRealTimers())

async function open(path: string) {
  const children = [{ path: 'orders/:id', component: OrderPage, props: true }, { path: ':any(.*)*', component: { template: '<p />' } }]
  const router = createRouter({ history: createMemoryHistory(), routes: [{ path: '/', component: PatientLayout, children }] })
  await router.push(path)
  const page = mount({ template: '<RouterView />' }, { global: { plugins: [i18n, router] }, attachTo: document.body })
  await flushPromises()
  return { router, page }
}

it('a way back with the dialog open asks nothing of the order that it leads to', async () => {
  orders = [orderOf('confirmed', { id: 'ord_a' }), orderOf('confirmed', { id: 'ord_b', replaced_by: 'ord_a' })]
  const { router, page } = await open('/orders/ord_b')
  await router.push('/orders/ord_a')
  await flushPromises()
  await page.findAll('.actions button').at(-1)!.trigger('click')
  expect(page.find('dialog').exists()).toBe(true)
  router.back()
  await vi.waitFor(() => expect(router.currentRoute.value.path).toBe('/orders/ord_b'))
  await flushPromises()
  expect(page.find('.actions').exists()).toBe(true)
  expect(page.find('dialog').exists()).toBe(false)
  page.unmount()
})
