/** The pages as they are, with what the services answer. */

import { flushPromises } from '@vue/test-utils'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { booking, payment, schedule, type Order } from '@/api'
import { LOCALES, setLocale } from '@/i18n'
import { answering, ok, open, SESSION } from './opened'
import { orderOf, paymentOf, yuan } from './samples'

let orders: Order[]
beforeEach(() => {
  vi.useFakeTimers({ now: Date.parse('2026-11-23T02:00:00Z'), toFake: ['Date', 'setTimeout', 'clearTimeout'] })
  answering(() => orders)
})
afterEach(() => vi.useRealTimers())

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

it('leads to its visit, as soon as there is one', async () => {
  orders = [orderOf('awaiting_payment', { id: 'ord_a' }), orderOf('fulfilled', { id: 'ord_b', visit_id: 'vis_b' })]
  for (const [id, ways] of [['ord_a', []], ['ord_b', ['/visits/vis_b']]] as const) {
    const { page } = await open(`/orders/${id}`)
    expect(page.findAll('a[href^="/visits"]').map((link) => link.attributes('href'))).toEqual(ways)
    page.unmount()
  }
})

it('what she moves to stays until she leaves it, though it sells out, and so does the answer', async () => {
  orders = [orderOf('confirmed')]
  const list = vi.spyOn(schedule, 'GET').mockImplementation((() => ok({ items: [SESSION] })) as never)
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

it.each(['expired', 'cancelled'] as const)('money that arrives when it is %s already is told, though the page is open since before', async (state) => {
  orders = [orderOf(state, { history: [{ at: '2026-11-23T09:59:50+08:00', state, event: 'payment_closed' }] })]
  const { page } = await open('/orders/ord_1')
  expect(page.text()).not.toContain('¥50.00 的付款')
  const late = paymentOf({ parts: [{ order_id: 'ord_1', from_order_id: null, amount: yuan(5000), state: 'given_back' }] })
  vi.spyOn(payment, 'GET').mockImplementation((() => ok({ items: [late] })) as never)
  await vi.advanceTimersByTimeAsync(20_000)
  await flushPromises()
  expect(page.text()).toContain('¥50.00 的付款')
  expect(page.text()).not.toContain('没有产生任何费用')
  page.unmount()
})

it('what has become of an order whose time is over is asked for soon, in the list of them, too', async () => {
  orders = [orderOf('awaiting_payment', { pay_before: '2026-11-23T10:00:03+08:00' })]
  vi.spyOn(booking, 'GET').mockImplementation((() => ok({ items: orders, next_cursor: null })) as never)
  const { page } = await open('/orders')
  await vi.advanceTimersByTimeAsync(4000) // it is over, and the server has not said so yet
  await flushPromises()
  orders = [orderOf('expired')]
  await vi.advanceTimersByTimeAsync(6000)
  await flushPromises()
  expect(page.find('.badge').text()).toBe('已过期')
  page.unmount()
})

it('only ways to pay that are to be had are offered; all, where nobody can say which', async () => {
  orders = [orderOf('awaiting_payment')]
  const told = { items: [{ method: 'window', channels: [] }, { method: 'wechat', channels: ['native'] }] }
  const list = vi.spyOn(payment, 'GET')
  list.mockImplementation(((path: string) => ok(path === '/api/v1/payments/methods' ? told : { items: [] })) as never)
  const here = await open('/orders/ord_1/pay')
  expect(here.page.findAll('li strong').map((one) => one.text())).toEqual(['微信支付', '医院窗口'])
  here.page.unmount()
  list.mockImplementation((() => Promise.resolve({ error: { code: 'unavailable' }, response: new Response(null, { status: 503 }) })) as never)
  const lost = await open('/orders/ord_1/pay')
  await vi.waitFor(() => expect(lost.page.findAll('li strong')).toHaveLength(3))
  lost.page.unmount()
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
  const entry = { draw_at: '2026-11-23T10:00:00+08:00', pseudonym: 'p', weight: 1, parts: [{ name: 'ice_cap', points: 1 }] } as never
  orders = [orderOf('frozen' as never, { reason: 'ice' as never, history, entry })]
  const { page } = await open('/orders/ord_1')
  expect(page.find('ol').exists()).toBe(true)
  expect(page.text()).not.toMatch(/frozen|\bice\b|ice_age|ice_cap|orders\.|orderState/)
  page.unmount()
  setLocale('zh-CN')
})
