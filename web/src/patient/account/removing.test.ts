/** What has been ended elsewhere meanwhile goes from the list, though its button had no luck. */

import { flushPromises, mount } from '@vue/test-utils'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { createMemoryHistory, createRouter } from 'vue-router'
import { i18n } from '@/i18n'
import LoginsPage from './LoginsPage.vue'

const login = (id: string, current: boolean) => ({ id, current, device: id, network: '10.0.0.0/24', created_at: '2026-11-23T08:00:00Z', last_used_at: '2026-11-23T08:00:00Z' })
let there = ['here', 'phone']

beforeEach(() => {
  localStorage.setItem('haoyuan.login', 'r0')
  vi.stubGlobal('fetch', async (input: Request | string) => {
    const [method, url] = input instanceof Request ? [input.method, input.url] : ['POST', input]
    if (url.endsWith('/refresh')) return Response.json({ access_token: 'a1', refresh_token: 'r1', expires_in: 900 })
    if (method === 'DELETE') {
      there = ['here'] // from another device, a moment ago
      return Response.json({ code: 'login_not_found', detail: 'no such login' }, { status: 404 })
    }
    return Response.json({ items: there.map((id) => login(id, id === 'here')), next_cursor: null })
  })
})
afterEach(() => vi.unstubAllGlobals())

it('a login', async () => {
  const router = createRouter({ history: createMemoryHistory(), routes: [{ path: '/:any(.*)', component: { render: () => null } }] })
  const page = mount(LoginsPage, { global: { plugins: [router, i18n] } })
  await vi.waitFor(() => expect(page.findAll('li')).toHaveLength(2))
  await page.get('li button').trigger('click')
  await vi.waitFor(() => expect(page.findAll('li')).toHaveLength(1))
  await flushPromises()
  expect(page.find('[role=alert]').exists()).toBe(true)
})
