/** Who works by keyboard is never sent back to the beginning of the page: what had the focus and goes, leaves it to what is next. */

import { flushPromises, mount, type VueWrapper } from '@vue/test-utils'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { defineComponent, h, reactive } from 'vue'
import { account, booking, schedule, Unreachable, type Account } from '@/api'
import { i18n, setLocale } from '@/i18n'
import type { Queue } from '@/shared/clinic'
import DeskPage from './DeskPage.vue'

const live = reactive({ data: undefined as Queue | undefined, error: undefined, freshness: 'live', loading: false, at: 0, reload: () => Promise.resolve() })
vi.mock('@/shared/live', () => ({ useLive: () => live }))

const SESSION = { id: 's', room: '101', doctor: { id: 'd', name: '王' }, hospital: { id: 'h' }, department: { name: '内科' }, slots: [], starts_at: '2026-11-23T08:00:00+08:00', ends_at: '2026-11-23T12:00:00+08:00' }
const visit = (n: number) => ({ visit_id: `v${n}`, ticket: `W${n}`, name: '李', state: 'waiting', visit_class: 'walk_in', passes: 0 })
const queue = (changes: object = {}) => ({ session_id: 's', doctor_id: 'd', hospital_id: 'h', state: 'open', paused: null, discipline: 'fifo', desks: [{ room: '101', visit: null }], waiting: [visit(1), visit(2)], away: [], expected: [], missed: [], ...changes }) as unknown as Queue
/** What the queue is after the next answer. */
let after: object
let page: VueWrapper

function press(words: string): Promise<unknown> {
  const found = page.findAll('button').filter((one) => one.text() === words && one.element.isConnected).at(-1)
  if (!found) throw new Error(`no button ${words} in ${page.text()}`)
  found.element.focus()
  expect(document.activeElement).toBe(found.element)
  void found.trigger('click')
  return flushPromises()
}
function send(): Promise<unknown> {
  page.find<HTMLElement>('dialog button').element.focus()
  void page.find('dialog form').trigger('submit')
  return flushPromises()
}
const at = () => document.activeElement as HTMLElement

beforeEach(async () => {
  setLocale('zh-CN')
  localStorage.clear()
  account.value = { id: 'a', roles: ['hospital_admin'], hospital_id: 'h' } as unknown as Account
  vi.spyOn(schedule, 'GET').mockImplementation((async () => ({ data: SESSION, response: new Response() })) as never)
  vi.spyOn(booking, 'GET').mockImplementation((async () => ({ data: { items: [] }, response: new Response() })) as never)
  const act = async () => {
    live.data = queue(after)
    return { data: {}, response: new Response() }
  }
  vi.spyOn(booking, 'POST').mockImplementation(act as never)
  vi.spyOn(booking, 'DELETE').mockImplementation(act as never)
  live.data = queue()
  after = {}
  const ElButton = defineComponent({ setup: (_, { slots, attrs }) => () => h('button', { type: attrs['native-type'] ?? 'button' }, slots.default?.()) })
  const main = document.body.appendChild(document.createElement('main'))
  main.id = 'main'
  main.tabIndex = -1
  page = mount(DeskPage, { props: { sessionId: 's' }, attachTo: main, global: { plugins: [i18n], stubs: { ElButton, LoadPanel: true, DoorCode: true, RouterLink: true } } })
  await flushPromises()
})
afterEach(() => {
  page.unmount()
  document.getElementById('main')?.remove()
  account.value = null
  vi.restoreAllMocks()
})

describe('after', () => {
  it('a pause, it is with the next call', async () => {
    live.data = queue({ paused: { why: '茶' } })
    await flushPromises()
    await press('恢复叫号')
    expect(page.text()).not.toContain('茶')
    expect(at().closest('.now')).toBeTruthy()
  })

  it('an end of the pause that has no answer yet, or none, it is where it was', async () => {
    live.data = queue({ paused: { why: '茶' } })
    await flushPromises()
    let lose = () => {}
    vi.spyOn(booking, 'POST').mockReturnValue(new Promise((_, reject) => (lose = () => reject(new Unreachable('the network')))) as never)
    await press('恢复叫号')
    expect(at().hasAttribute('disabled'), 'browsers take the focus from what is disabled').toBe(false)
    lose()
    await flushPromises()
    expect(page.find('.fault').exists()).toBe(true)
    expect(at().textContent).toBe('恢复叫号')
  })

  it('another room is opened or not, it is where that began', async () => {
    await press('再开一个诊室')
    expect(at().tagName).toBe('INPUT')
    await press('取消')
    expect(at().textContent).toBe('再开一个诊室')
    await press('再开一个诊室')
    await page.find('.rooms input').setValue('102')
    after = { desks: [{ room: '101', visit: null }, { room: '102', visit: null }] }
    ;(page.find('.rooms input').element as HTMLElement).focus()
    await page.find('.rooms form').trigger('submit')
    await flushPromises()
    expect(at().textContent).toBe('再开一个诊室')
  })

  it('one of two rooms is closed, it is not with the way to close the other', async () => {
    live.data = queue({ desks: [{ room: '101', visit: null }, { room: '102', visit: null }] })
    await flushPromises()
    after = { desks: [{ room: '102', visit: null }] }
    await press('关闭诊室')
    expect(page.text()).toContain('102')
    expect(at()).toBe(page.find('.rooms select').element)
  })

  it('a double click, one room is closed and not the next', async () => {
    live.data = queue({ desks: [{ room: '101', visit: null }, { room: '102', visit: null }] })
    await flushPromises()
    after = { desks: [{ room: '102', visit: null }] }
    await press('关闭诊室')
    const next = page.findAll('button').find((one) => one.text() === '关闭诊室')!
    next.element.dispatchEvent(new MouseEvent('click', { bubbles: true, detail: 2 }))
    await flushPromises()
    expect(booking.DELETE).toHaveBeenCalledTimes(1)
  })

  it('the room is closed, it is with the rooms; opened again, with the next call', async () => {
    after = { desks: [] }
    await press('关闭诊室')
    expect(at()).toBe(page.find('.rooms select').element)
    after = {}
    await press('在 101 诊室开诊')
    expect(at().closest('.now')).toBeTruthy()
  })
})

describe('after a dialog', () => {
  it('that was sent, it is with what had opened it', async () => {
    await press('暂停叫号')
    expect(page.find('dialog').exists()).toBe(true)
    await send()
    expect(page.find('dialog').exists()).toBe(false)
    expect(at().textContent).toBe('暂停叫号')
  })

  it('by which a patient has left the list, it stays with the list', async () => {
    await press('更多 W1 号')
    await press('转给其他医生')
    after = { waiting: [visit(2)] }
    await send()
    expect(page.find('dialog').exists()).toBe(false)
    expect(at().closest('.card')?.querySelector('h2')?.id).toBe('list-waiting')
  })

  it('that takes all of it away, it is with the page', async () => {
    await press('结束门诊')
    after = { state: 'closed' }
    await send()
    expect(page.find('dialog').exists()).toBe(false)
    expect(at().id).toBe('main')
  })

  it('that has no answer yet, or none, it is where it was, and the dialog is open', async () => {
    await press('暂停叫号')
    let lose = () => {}
    const post = vi.spyOn(booking, 'POST').mockReturnValue(new Promise((_, reject) => (lose = () => reject(new Unreachable('the network')))) as never)
    const submit = page.findAll('dialog button').at(-1)!
    ;(submit.element as HTMLElement).focus()
    await page.find('dialog form').trigger('submit')
    expect(submit.attributes()).not.toHaveProperty('disabled')
    await page.find('dialog form').trigger('submit')
    expect([page.find('dialog').exists(), post.mock.calls.length]).toEqual([true, 1])
    lose()
    await flushPromises()
    expect(page.find('dialog .fault').exists()).toBe(true)
    expect(at()).toBe(submit.element)
  })
})
