/** Drafts are the server's: any registrar of the hospital goes on with one as it was sent last. */

import { nextTick } from 'vue'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { account, serverNow, type Account } from '@/api'
import { addDays, isoDay } from '@/shared/format'
import { choose, hospitals } from '../hospital'
import { answering, button, mounted, problem, type Asked } from '../mounting'
import './messages'
import { bodyOf, formOf, type Draft } from './publish'
import PublishPage from './PublishPage.vue'
import RosterPage from './RosterPage.vue'
import { sessionOf } from './samples'

const draft: Draft = {
  id: 'ses_9', code: 'D001-x', version: 3, hospital_id: 'hos_1', doctor: { id: 'doc_1', name: '王立群', title: '主任医师' },
  department_id: 'dep_2', date: '2026-12-05', period: 'afternoon', room: 'B2', fee: { amount: 1205, currency: 'CNY' }, grade: '特需', urgent: true,
  policy: 'lottery', release_at: '2026-11-28T08:30:15+08:00', draw_at: '2026-12-04T08:00:00+08:00', cancel_before: '2026-12-04T12:00:00+08:00', stopped: false,
  slots: [{ starts_at: '2026-12-05T14:00:00+08:00', ends_at: '2026-12-05T15:00:00+08:00', capacity: 5, blocked: 1, quotas: { referral: 2 } }],
}
const DOCTORS = ['dep_1', 'dep_2'].map((id, n) => ({ id: `doc_${n + 1}`, name: '王立群', title: '主任医师', code: 'D001', department_id: id, department_name: `${id}的名字` }))
const list = (items: unknown[]) => ({ items, next_cursor: null })

/** What was sent of a session, and what the API says to that. */
let said: () => unknown
let drafts: Draft[]
let asked: Asked[]
const posted = () => asked.filter(({ method }) => method === 'POST').map(({ body }) => body)

beforeEach(() => {
  account.value = { id: 'acc_1', username: 'x', roles: ['registrar'], hospital_id: 'hos_1' } as unknown as Account
  drafts = [draft]
  said = () => sessionOf({ state: 'draft', version: 4, code: draft.code })
  asked = answering(({ method, url }) => {
    if (method === 'POST') return said()
    if (url.pathname.endsWith('/doctors')) return list(DOCTORS)
    return url.pathname.endsWith('/drafts') ? list(drafts.filter((one) => [null, one.code].includes(url.searchParams.get('code')))) : list([])
  })
})
afterEach(() => {
  account.value = null
  vi.unstubAllGlobals()
})
const opened = async (at: string) => {
  const page = await mounted(PublishPage, {}, at)
  await vi.waitFor(() => button(page.root, '存为草稿'))
  return page
}
function field(root: HTMLElement, words: string): HTMLInputElement {
  const label = [...root.querySelectorAll('label')].find((one) => one.textContent!.includes(words))
  return root.querySelector<HTMLInputElement>(label ? `#${label.htmlFor}` : `[aria-label="${words}"]`)!
}
function type(root: HTMLElement, words: string, value: string, event = 'input') {
  const one = field(root, words)
  one.value = value
  one.dispatchEvent(new Event(event, { bubbles: true }))
}

it('becomes a form, and what the form becomes is what was sent', () => {
  const { id, hospital_id, doctor, stopped, ...rest } = draft
  expect([id, hospital_id, stopped]).toBeDefined()
  expect(bodyOf(formOf(draft), true)).toEqual({ ...rest, doctor_id: doctor.id, version: 4, draft: true })
  const plain = bodyOf(formOf({ ...draft, department_id: null, grade: null, cancel_before: null, policy: 'first_come', draw_at: null }), false)
  expect(Object.keys(plain)).not.toEqual(expect.arrayContaining(['department_id']))
  for (const name of ['department_id', 'grade', 'cancel_before', 'draw_at']) expect(plain).not.toHaveProperty(name)
})

describe('the form of a draft', () => {
  it('holds what a colleague has sent, whatever a new session would begin with, and is sent on', async () => {
    const { root, gone } = await opened('/?draft=D001-x')
    expect(field(root, '诊室').value).toBe('B2')
    expect(root.textContent).toContain('dep_2的名字')
    type(root, '诊室', 'B3')
    button(root, '存为草稿').click()
    await vi.waitFor(() => expect(root.textContent).toContain('草稿已保存'))
    expect(posted()).toEqual([{ ...bodyOf(formOf(draft), true), room: 'B3' }])
    button(root, '存为草稿').click()
    await vi.waitFor(() => expect(posted()).toHaveLength(2))
    expect(posted()[1]).toMatchObject({ version: 5 })
    gone()
  })

  it('keeps a release that a new session would have had as well', async () => {
    const day = addDays(isoDay(serverNow()), 1)
    drafts = [{ ...draft, release_at: `${day}T08:30:00+08:00` }]
    const { root, gone } = await opened('/?draft=D001-x')
    await nextTick()
    expect(field(root, '放号时间').value).toBe(`${day}T08:30`)
    gone()
  })

  it('follows what is changed by hand, as far as that was not touched', async () => {
    const { root, gone } = await opened('/?date=2026-12-01')
    type(root, '日期', '2026-12-02')
    type(root, '时段', 'evening', 'change')
    await nextTick()
    expect(field(root, '放号时间').value).toBe('2026-11-25T08:30')
    expect(field(root, '第 1 段：开始').value).toBe('18:00')
    gone()
  })

  it('is a new one again for who goes on from a draft to a new session', async () => {
    const { root, router, gone } = await opened('/?draft=D001-x')
    await router.push('/')
    await vi.waitFor(() => expect(field(root, '诊室').value).toBe(''))
    expect(field(root, '医生').disabled).toBe(false)
    gone()
  })

  it('says that it is there no more', async () => {
    drafts = []
    const { root, gone } = await opened('/?draft=D001-x')
    expect(root.textContent).toContain('找不到这份草稿')
    gone()
  })

  it('says that a colleague was quicker, not that the code is taken', async () => {
    said = () => problem({ code: 'session_conflict' }, 409)
    const { root, gone } = await opened('/?draft=D001-x')
    button(root, '存为草稿').click()
    await vi.waitFor(() => expect(root.textContent).toContain('有人改过或发布了这份草稿'))
    expect(root.textContent).not.toContain('请换一个代码')
    gone()
  })

  it('is a known one at version 0, too: rosters begin there', async () => {
    drafts = [{ ...draft, version: 0 }]
    said = () => problem({ code: 'session_conflict' }, 409)
    const { root, gone } = await opened('/?draft=D001-x')
    for (const words of ['医生', '出诊代码']) expect(field(root, words).disabled, words).toBe(true)
    button(root, '存为草稿').click()
    await vi.waitFor(() => expect(root.textContent).toContain('有人改过或发布了这份草稿'))
    gone()
  })

  it('leaves its code and department with its hospital', async () => {
    account.value = { id: 'acc_2', username: 'x', roles: ['operator'], hospital_id: null } as unknown as Account
    hospitals.value = ['hos_1', 'hos_2'].map((id) => ({ id, name: id })) as typeof hospitals.value
    choose('hos_1')
    drafts = [{ ...draft, version: 0 }]
    const { root, gone } = await opened('/?draft=D001-x')
    choose('hos_2')
    await vi.waitFor(() => expect(field(root, '出诊代码').value).toBe(''))
    await vi.waitFor(() => expect(field(root, '医生').disabled).toBe(false))
    expect(root.textContent).not.toContain('医院自己的系统')
    type(root, '医生', 'doc_1', 'change')
    button(root, '存为草稿').click()
    await vi.waitFor(() => expect(posted()).toHaveLength(1))
    expect(posted()[0]).toMatchObject({ code: 'own_D001-20261205-afternoon', version: 1 })
    expect(posted()[0]).not.toHaveProperty('department_id')
    gone()
  })

  it('takes along what was wrong with it, when another form begins', async () => {
    said = () => problem({ code: 'doctor_not_found' }, 404)
    const { root, router, gone } = await opened('/?draft=D001-x')
    button(root, '存为草稿').click()
    await vi.waitFor(() => expect(root.textContent).toContain('没有这位医生'))
    await router.push('/')
    await vi.waitFor(() => expect(field(root, '诊室').value).toBe(''))
    expect(root.textContent).not.toContain('没有这位医生')
    gone()
  })

  it("warns that the hospital's own system may send it again; a new session has none", async () => {
    const { root, router, gone } = await opened('/?draft=D001-x')
    expect(root.textContent).toContain('医院自己的系统')
    await router.push('/')
    await vi.waitFor(() => expect(field(root, '诊室').value).toBe(''))
    expect(root.textContent).not.toContain('医院自己的系统')
    gone()
  })

  it('does not call a draft what is public', async () => {
    said = () => sessionOf({ state: 'open' })
    const { root, gone } = await opened('/?draft=D001-x')
    button(root, '存为草稿').click()
    await vi.waitFor(() => expect(posted()).toHaveLength(1))
    await vi.waitFor(() => expect(button(root, '存为草稿').disabled).toBe(false))
    expect(root.textContent).not.toContain('草稿已保存')
    gone()
  })
})

describe('what had no answer', () => {
  const LOST = () => new Response('<html>a gateway</html>')
  const TAKEN = () => problem({ code: 'session_conflict' }, 409)
  /** The API's answers, one after the other; the second press comes after an edit of the room, if there is one. */
  async function pressed(at: string, answers: (() => unknown)[], second: string, edit?: () => Draft) {
    said = () => answers.shift()!()
    const page = await opened(at)
    if (!at.includes('draft')) type(page.root, '医生', 'doc_1', 'change')
    button(page.root, '存为草稿').click()
    await vi.waitFor(() => expect(page.root.querySelector('.fault')).toBeTruthy())
    if (edit) {
      drafts = [edit()]
      type(page.root, '诊室', 'B4')
      type(page.root, '日期', '2026-12-05')
      await nextTick()
    }
    button(page.root, second).click()
    await vi.waitFor(() => expect([answers.length, button(page.root, second).disabled]).toEqual([0, false]))
    return page
  }
  const bodies = () => posted() as { version: number; room: string; draft: boolean; code: string }[]

  it.each(['存为草稿', '发布'])('and was taken in, is gone on from, by %s', async (second) => {
    const { root, gone } = await pressed('/?draft=D001-x', [LOST, TAKEN, () => sessionOf({ state: 'draft', version: 5, code: draft.code })], second, () => ({ ...draft, version: 4 }))
    expect(bodies().map(({ version, room, code }) => [version, room, code])).toEqual([[4, 'B2', 'D001-x'], [4, 'B4', 'D001-x'], [5, 'B4', 'D001-x']])
    expect(new Set(asked.filter(({ method }) => method === 'POST').map(({ key }) => key)).size).toBe(3)
    expect(root.querySelector('.fault')).toBeNull()
    gone()
  })

  it('of a new session as well: it stays under its code', async () => {
    const first = () => ({ ...draft, ...(bodies()[0] as object), doctor: draft.doctor, department_id: null, grade: null, cancel_before: null, draw_at: null, slots: (bodies()[0] as unknown as Draft).slots.map((s) => ({ ...s, quotas: {} })) }) as Draft
    const { gone } = await pressed('/?date=2026-12-01', [LOST, TAKEN, () => sessionOf({ state: 'draft', version: 2 })], '存为草稿', first)
    expect(bodies().map(({ version, code }) => [version, code])).toEqual([1, 1, 2].map((version) => [version, 'own_D001-20261201-morning']))
    gone()
  })

  it('is not taken for what a colleague has sent: then nothing is sent over it, nor under another code', async () => {
    const { root, gone } = await pressed('/?draft=D001-x', [LOST, TAKEN], '存为草稿', () => ({ ...draft, version: 4, fee: { amount: 1, currency: 'CNY' } }))
    expect(posted()).toHaveLength(2)
    expect(root.textContent).toContain('没有收到答复的那次')
    expect(root.textContent).not.toContain('请换一个代码')
    gone()
  })
})

it('an older service has no list of drafts: then the roster says nothing of them', async () => {
  asked = answering(({ url }) => (url.pathname.endsWith('/drafts') ? problem({ code: 'session_not_found' }, 404) : list([])))
  const { root, gone } = await mounted(RosterPage)
  await vi.waitFor(() => expect(root.querySelector('.bone')).toBeNull())
  await vi.waitFor(() => expect(asked.some(({ url }) => url.pathname.endsWith('/drafts'))).toBe(true))
  await nextTick()
  expect(root.querySelector('.fault')).toBeNull()
  expect(root.textContent).not.toContain('未发布的草稿')
  gone()
})

it('stands in the roster of everybody of the hospital', async () => {
  drafts = [{ ...draft, stopped: true }]
  const { root, gone } = await mounted(RosterPage)
  await vi.waitFor(() => expect(root.textContent).toContain('2026-12-05 下午 王立群'))
  expect(root.querySelector('a[href*="draft=D001-x"]')?.parentElement?.textContent).toContain('停诊')
  expect(asked.find(({ url }) => url.pathname.endsWith('/drafts'))!.url.searchParams.get('hospital_id')).toBe('hos_1')
  gone()
})
