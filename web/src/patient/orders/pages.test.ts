/** The pages as they are, with what the services answer. */

import { flushPromises, mount } from '@vue/test-utils'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { createMemoryHistory, createRouter } from 'vue-router'
import { booking, payment, schedule, type Order } from '@/api'
import { i18n, LOCALES, setLocale } from '@/i18n'
import PatientLayout from '@/patient/PatientLayout.vue'
import MovePage from './MovePage.vue'
import OrderPage from './OrderPage.vue'
import PayPage from './PayPage.vue'
import { orderOf, paymentOf } from './samples'

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
  const children = [
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

it('what she moves to stays until she leaves it, though it sells out, and so does the answer', async () => {
  orders = [orderOf('confirmed')]
  const session = {
    ...{ id: 'ses_2', state: 'open', remaining: 1, policy: 'first_come', draw_at: null, date: '2026-12-01', period: 'morning', slots: [], room: '' },
    ...{ starts_at: '2026-12-01T08:00:00+08:00', ends_at: '2026-12-01T12:00:00+08:00', fee: { amount: 5000, currency: 'CNY' } },
    ...{ doctor: { id: 'doc_1', name: '王医生', title: '主任医师' }, department: { id: 'dep_1', name: '内科' } },
  }
  const list = vi.spyOn(schedule, 'GET').mockImplementation((() => ok({ items: [session] })) as never)
  let answer: (told: unknown) => void = () => {}
  vi.spyOn(booking, 'POST').mockImplementation((() => new Promise((resolve) => (answer = resolve))) as never)
  const { page } = await open('/orders/ord_1/move')
  await page.find('li button').trigger('click')
  await page.find('.primary').trigger('click')
  list.mockImplementation((() => ok({ items: [] })) as never)
  await vi.advanceTimersByTimeAsync(21_000)
  expect(page.text()).not.toContain('刚刚约满')
  answer({ error: { code: 'sold_out', detail: 'no' }, response: new Response(null, { status: 409 }) })
  await flushPromises()
  expect(page.find('[role=alert]').text()).not.toBe('')
  expect(page.text()).toContain('刚刚约满')
  page.unmount()
})

it('how her money comes back is told when it is known how she paid, and not before', async () => {
  orders = [orderOf('confirmed', { paid: { amount: 5000, currency: 'CNY' } })]
  let answer: (told: unknown) => void = () => {}
  vi.spyOn(payment, 'GET').mockImplementation((() => new Promise((resolve) => (answer = resolve))) as never)
  const { page } = await open('/orders/ord_1')
  await page.findAll('.actions button').at(-1)!.trigger('click')
  await flushPromises()
  expect(page.find('dialog').text()).not.toContain('退款')
  expect(page.find('dialog .danger').attributes('disabled')).toBeDefined()
  answer({ error: { code: 'unavailable' }, response: new Response(null, { status: 503 }) })
  await flushPromises()
  expect(page.find('dialog').text()).toContain('暂时查不到您的付款方式')
  expect(page.find('dialog .danger').attributes('disabled')).toBeUndefined()
  page.unmount()
})

it('a double tap on a way to pay is one tap', async () => {
  orders = [orderOf('awaiting_payment')]
  let answer: (told: unknown) => void = () => {}
  vi.spyOn(payment, 'POST').mockImplementation((() => new Promise((resolve) => (answer = resolve))) as never)
  const { page } = await open('/orders/ord_1/pay')
  const shown = () => page.find('[aria-labelledby=shown]')
  await page.findAll('li button')[0]!.trigger('click')
  expect(shown().findAll('button')).toHaveLength(0) // it is being started: nothing to take back yet
  answer((await ok(paymentOf({ state: 'pending', method: 'alipay', channel: 'wap', show: { type: 'link', url: 'https://pay.example/1' } })))!)
  await flushPromises()
  for (const button of shown().findAll('button')) await button.trigger('click')
  expect(shown().find('a').attributes('href')).toBeUndefined()
  expect(shown().exists()).toBe(true)
  await vi.advanceTimersByTimeAsync(500)
  expect(shown().find('a').attributes('href')).toBe('https://pay.example/1')
  await shown().findAll('button').at(-1)!.trigger('click')
  expect(shown().exists()).toBe(false)
  page.unmount()
})

it.each(LOCALES)('codes that an old page does not know are told in plain words: %s', async (locale) => {
  setLocale(locale)
  const history = [{ at: '2026-11-23T09:59:50+08:00', state: 'frozen', event: 'ice_age' }] as never
  orders = [orderOf('frozen' as never, { reason: 'ice' as never, history })]
  const { page } = await open('/orders/ord_1')
  expect(page.find('ol').exists()).toBe(true)
  expect(page.text()).not.toMatch(/frozen|\bice\b|ice_age|orders\.|orderState/)
  page.unmount()
  setLocale('zh-CN')
})
