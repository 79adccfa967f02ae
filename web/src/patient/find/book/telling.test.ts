import { flushPromises, shallowMount } from '@vue/test-utils'
import { afterEach, expect, it, vi } from 'vitest'
import { createMemoryHistory, createRouter } from 'vue-router'
import { schedule } from '@/api'
import { forget, learn } from '@/api/clock'
import { i18n } from '@/i18n'
import SessionPage from './SessionPage.vue'

afterEach(() => {
  vi.useRealTimers()
  forget()
})

it('a session that is about to be released is asked for when its answer tells most of the clock, and nothing that was kept', async () => {
  vi.useFakeTimers({ now: 1_800_000_000_700 })
  const now = Date.now()
  learn(now, now, new Date(1_800_000_000_000).toUTCString()) // the server is within -700 and +300 ms of us: at -200, we think
  const at = (ms: number) => new Date(now + ms).toISOString()
  const hospital = { id: 'hos_1', name: 'h' }
  const session = { id: 'ses_1', hospital, department: hospital, doctor: hospital, state: 'announced', policy: 'first_come', release_at: at(30_000), draw_at: null, starts_at: at(3_600_000), ends_at: at(7_200_000), remaining: 5, fee: { amount: 0, currency: 'CNY' }, slots: [] }
  const asked: unknown[] = []
  vi.spyOn(schedule, 'GET').mockImplementation((async (path: string, init: { cache?: string }) => {
    if (path !== '/api/v1/sessions/{session_id}') return { data: null, response: new Response('') }
    asked.push([Date.now() - now, init.cache])
    return { data: session, response: new Response('') }
  }) as never)
  const router = createRouter({ history: createMemoryHistory(), routes: [{ path: '/sessions/:id', component: SessionPage }, { path: '/:any(.*)*', component: { template: '<p />' } }] })
  await router.push('/sessions/ses_1')
  const page = shallowMount(SessionPage, { global: { plugins: [i18n, router] } })
  await flushPromises()
  await vi.advanceTimersByTimeAsync(4_000)
  expect(asked).toEqual([[0, 'no-store'], [3500, 'no-store']]) // 3.5 s after .700 of ours it is a full second of the server's, or nearly so
  page.unmount()
})
