import { flushPromises, mount } from '@vue/test-utils'
import { expect, it, vi } from 'vitest'
import { createMemoryHistory, createRouter } from 'vue-router'
import { booking, schedule, type Order } from '@/api'
import type * as Api from '@/api'
import { i18n } from '@/i18n'
import SessionPage from './SessionPage.vue'

const paint = vi.hoisted(() => {
  let done = () => {}
  const painted = new Promise<void>((resolve) => (done = resolve))
  return { painted, done }
})
vi.mock('@/shared/painted', () => ({ painted: () => paint.painted }))
const login = vi.hoisted(() => ({ __v_isRef: true, value: true }))
vi.mock('@/api', async (original) => ({ ...(await original<typeof Api>()), loggedIn: login }))
const ok = (data: unknown) => Promise.resolve({ data, response: new Response(null, { status: 200 }) })
const one = { id: 'x', name: '王医生', title: '' }
const SESSION = {
  ...{ id: 'ses_1', state: 'closed', policy: 'first_come', draw_at: null, slots: [], fee: { amount: 0, currency: 'CNY' }, doctor: one, department: one, hospital: one },
  ...{ date: '2026-11-20', period: 'morning',
  room: 'A1', release_at: '2026-11-10T08:00:00+08:00', starts_at: '2026-11-20T08:00:00+08:00', ends_at: '2026-11-20T12:00:00+08:00' },
}
const order = (id: string, state: Order['state'], session_id = 'ses_1') => ({ id, state, session_id, patient_name: '李*' })

async function open() {
  const orders = [order('ord_1', 'expired'), order('ord_2', 'confirmed', 'ses_2'), order('ord_3', 'awaiting_payment')]
  vi.spyOn(schedule, 'GET').mockImplementation(((path: string) => ok(path === '/api/v1/sessions/{session_id}' ? SESSION : { items: [], rules: {} })) as never)
  const asked = vi.spyOn(booking, 'GET').mockImplementation((() => ok({ items: orders, next_cursor: null })) as never)
  const router = createRouter({ history: createMemoryHistory(), routes: [{ path: '/sessions/:id', component: SessionPage }, { path: '/:any(.*)*', component: { template: '<p />' } }] })
  await router.push('/sessions/ses_1')
  const page = mount({ template: '<RouterView />' }, { global: { plugins: [i18n, router] } })
  await flushPromises()
  return { page, asked }
}

it('a session says which of her orders stand there, after it has been painted', async () => {
  const { page, asked } = await open()
  await import('./MineHere.vue')
  await flushPromises()
  expect(page.find('h1').text()).toContain('王医生')
  expect(asked).not.toHaveBeenCalled()
  paint.done()
  await vi.waitFor(() => expect(page.find('.note a').exists()).toBe(true))
  expect(page.findAll('.note a').map((a) => a.attributes('href'))).toEqual(['/orders/ord_3'])
  expect(page.find('.note a').text()).toBe('李* · 待支付')
  page.unmount()
})

it('a stranger is asked for nothing', async () => {
  login.value = false
  const { page, asked } = await open()
  await paint.painted
  await flushPromises()
  expect(asked).not.toHaveBeenCalled()
  page.unmount()
})
