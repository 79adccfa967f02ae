/** The pages as they are, opened for tests, with what the services answer. */

import { flushPromises, mount } from '@vue/test-utils'
import { vi } from 'vitest'
import { createMemoryHistory, createRouter } from 'vue-router'
import { booking, payment, schedule, Unreachable, type Order, type Visit } from '@/api'
import { i18n } from '@/i18n'
import PatientLayout from '@/patient/PatientLayout.vue'
import MovePage from './MovePage.vue'
import OrderPage from './OrderPage.vue'
import OrdersPage from './OrdersPage.vue'
import PayPage from './PayPage.vue'

export const ok = (data: unknown) => Promise.resolve({ data, response: new Response(null, { status: 200 }) })
export const refused = (status: number, code: string) => Promise.resolve({ error: { code, detail: 'no' }, response: new Response(null, { status }) })
export const lost = () => Promise.reject(new Unreachable('lost'))
type Get = (path: string, init: { params: { path: { order_id: string } } }) => Promise<unknown>

/** The services know these orders, and the visit of today; nothing was paid. */
export function answering(orders: () => Order[], visit?: () => Partial<Visit>): void {
  const get: Get = (path, init) => {
    if (path === '/api/v1/orders/{order_id}') return ok(orders().find((o) => o.id === init.params.path.order_id))
    if (path === '/api/v1/visits/{visit_id}') return ok(visit?.())
    return ok({ items: path === '/api/v1/orders' ? orders() : [], next_cursor: null })
  }
  vi.spyOn(booking, 'GET').mockImplementation(get as never)
  vi.spyOn(payment, 'GET').mockImplementation((() => ok({ items: [] })) as never)
  vi.spyOn(schedule, 'GET').mockImplementation((() => ok({ rules: { cool_down: {}, penalties: [] } })) as never)
}

/** A session to which an order may be moved. */
export const SESSION = {
  ...{ id: 'ses_2', state: 'open', remaining: 1, policy: 'first_come', draw_at: null, date: '2026-12-01', period: 'morning', slots: [], room: '' },
  ...{ starts_at: '2026-12-01T08:00:00+08:00', ends_at: '2026-12-01T12:00:00+08:00', fee: { amount: 5000, currency: 'CNY' } },
  ...{ doctor: { id: 'doc_1', name: '王医生', title: '主任医师' }, department: { id: 'dep_1', name: '内科' } },
}

export async function open(path: string) {
  const children = [
    { path: 'orders', component: OrdersPage },
    { path: 'orders/:id', component: OrderPage, props: true },
    { path: 'orders/:id/pay', component: PayPage, props: true },
    { path: 'orders/:id/move', component: MovePage, props: true },
    { path: ':any(.*)*', component: { template: '<p />' } },
  ]
  const router = createRouter({ history: createMemoryHistory(), routes: [{ path: '/', component: PatientLayout, children }] })
  await router.push(path)
  const page = mount({ template: '<RouterView />' }, { global: { plugins: [i18n, router] }, attachTo: document.body })
  await flushPromises()
  return { router, page }
}
