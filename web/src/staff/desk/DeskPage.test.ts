import { flushPromises, mount, RouterLinkStub } from '@vue/test-utils'
import { beforeEach, expect, it, vi } from 'vitest'
import { reactive } from 'vue'
import { Problem, schedule, Unreachable } from '@/api'
import { i18n } from '@/i18n'
import DeskPage from './DeskPage.vue'

const live = reactive({ data: undefined, error: undefined as unknown, freshness: 'old', loading: false, at: 0, reload: () => Promise.resolve() })
vi.mock('@/shared/live', () => ({ useLive: () => live }))

const SESSION = { id: 's', doctor: { id: 'd', name: '王医生' }, hospital: { id: 'h' }, department: { name: '内科' }, starts_at: '2026-11-23T08:00:00+08:00', ends_at: '2026-11-23T12:00:00+08:00' }
beforeEach(() => {
  live.error = undefined
  vi.spyOn(schedule, 'GET').mockImplementation((async () => ({ data: SESSION, response: new Response() })) as never)
})
const shown = async () => {
  const page = mount(DeskPage, { props: { sessionId: 's' }, global: { plugins: [i18n], stubs: { RouterLink: RouterLinkStub, LoginLink: true } } })
  await flushPromises()
  return page
}

it("shows nothing of another hospital's session, and the way to one's own", async () => {
  const page = await shown()
  expect(page.find('h1').text()).toContain('王医生')
  live.error = new Problem(404, { code: 'session_not_found' })
  await flushPromises()
  expect(page.text()).not.toContain('王医生')
  expect(page.text()).not.toContain('08:00')
  expect(page.findAll('h1').map((h) => h.text())).toEqual(['诊室叫号'])
  expect(page.find('button').exists()).toBe(false)
  expect(page.findComponent(RouterLinkStub).props('to')).toBe('/staff/desk')
  page.unmount()
})

it('tries again what may pass, and offers a login where that has ended', async () => {
  live.error = new Unreachable('the network')
  const page = await shown()
  expect(page.find('h1').text()).toContain('王医生')
  expect(page.find('button').exists()).toBe(true)
  live.error = new Problem(401, { code: 'unauthorized' })
  await flushPromises()
  expect(page.text()).not.toContain('不属于本院')
  page.unmount()
})
