import { mount } from '@vue/test-utils'
import { afterEach, expect, it, vi } from 'vitest'
import { computed, shallowReactive } from 'vue'
import { createMemoryHistory, createRouter } from 'vue-router'
import { i18n, LOCALES, setLocale } from '@/i18n'
import type * as Live from './live'
import VisitPage from './VisitPage.vue'

const agreed = { doctor_name: '王医生', doctor_title: '', department_name: '内科', hospital_name: '一院', room: '302', starts_at: '2026-11-23T09:00:00+08:00', ends_at: '2026-11-23T09:30:00+08:00' }
const first = { id: 'vis_1', order_id: 'ord_1', state: 'called', ticket: '7', visit_class: 'appointment', reason: null, ahead: null, room: '302', passes: 0, calls: 1, late: false, check_in: null, moved_to: null, paused: null, serving: null, called_at: '2026-11-23T09:12:00+08:00', vain_call: null, visit: agreed }
const visit = shallowReactive({ data: { ...first } as Record<string, unknown>, freshness: 'live', at: 0 })
vi.mock('./live', async (original) => ({ ...(await original<typeof Live>()), useVisit: () => ({ visit, wait: { data: null }, problem: computed(() => '') }) }))

function opened(data: Record<string, unknown>) {
  visit.data = { ...first, ...data }
  const router = createRouter({ history: createMemoryHistory(), routes: [{ path: '/:any(.*)*', component: { template: '<p />' } }] })
  return mount(VisitPage, { props: { id: 'vis_1' }, global: { plugins: [i18n, router] } })
}
afterEach(() => setLocale('zh-CN'))

it.each(LOCALES)('a call that she missed does not just vanish: %s', async (locale) => {
  setLocale(locale)
  const page = opened({})
  const said = () => page.findAll('.note[role=status]').map((note) => note.text()).join()
  expect(said()).toBe('')
  const vain_call = { at: first.called_at, ended: 'passed' }
  visit.data = { ...visit.data, state: 'waiting', ahead: 2, vain_call }
  await page.vm.$nextTick()
  expect(said()).toContain('09:12')
  const passed = said()
  visit.data = { ...visit.data, ahead: 1 }
  await page.vm.$nextTick()
  expect(said()).toBe(passed) // a status is read out whenever it changes: not for each call of somebody else
  visit.data = { ...visit.data, vain_call: { ...vain_call, ended: 'put_back' } }
  await page.vm.$nextTick()
  expect(said()).toContain('09:12')
  expect(said()).not.toBe(passed)
  visit.data = { ...visit.data, vain_call: { ...vain_call, ended: 'as a newer release says' } }
  await page.vm.$nextTick()
  expect(said()).toBe('')
  visit.data = { ...visit.data, state: 'called', ahead: null, vain_call }
  await page.vm.$nextTick()
  expect(said()).toBe('')
  page.unmount()
})

it('leads to its order, from where it says how it ended if that was withdrawn', () => {
  for (const [state, place] of [['done', '.order'], ['withdrawn', '.state']]) {
    const page = opened({ state })
    expect(page.findAll('a').map((link) => [link.attributes('href'), page.find(place!).element.contains(link.element)])).toEqual([['/orders/ord_1', true]])
    page.unmount()
  }
})
