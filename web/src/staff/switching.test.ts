/** An operator chooses another hospital on top: nothing of the one before is left on the page, or sent. */

import { nextTick } from 'vue'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { account, type Account } from '@/api'
import { choose, hospitalId, hospitals } from './hospital'
import BackTestPage from './manager/BackTestPage.vue'
import './manager/messages'
import PlannerPage from './manager/PlannerPage.vue'
import RulesPage from './manager/RulesPage.vue'
import StaffPage from './manager/StaffPage.vue'
import { answering, button, mounted, type Asked } from './mounting'
import './registrar/messages'
import PublishPage from './registrar/PublishPage.vue'
import { sessionOf } from './registrar/samples'
import SessionPage from './registrar/SessionPage.vue'

const OPERATOR = { id: 'acc_1', username: 'operator', roles: ['operator'], hospital_id: null } as unknown as Account
const page = (items: unknown[]) => ({ items, next_cursor: null })
const wordsOf = (root: HTMLElement) => root.textContent ?? ''
const backTested = { department_id: '', known: [], more: false, sessions: [] }

vi.mock('./manager/RulesForm.vue', () => ({ default: { template: '<form />' } }))

/** Each hospital has a department, a doctor and a member of its staff, named after it. */
function answer({ method, url, body }: Asked): unknown {
  const of = url.searchParams.get('hospital_id') ?? ''
  const ends = url.pathname.split('/').slice(3)
  if (ends[0] === 'departments') return page([{ id: `dep_${of}`, name: `科室 ${of}` }])
  if (ends[0] === 'doctors') return page([{ id: `doc_${of}`, name: `医生 ${of}`, code: of, title: '', department_id: `dep_${of}`, department_name: `科室 ${of}` }])
  if (ends[0] === 'staff') return page([{ id: `acc_${of}`, username: `member-${of}`, roles: ['registrar'], doctor_id: null }])
  if (ends[2] === 'rules') return { version: 1, effective_from: null, rules: {}, words: { 'zh-CN': [], en: [] }, upcoming: [] }
  if (ends[1] === 'back-test') return { ...backTested, department_id: url.searchParams.get('department_id') }
  if (ends[0] === 'sessions' && ends.length === 2) return sessionOf({ hospital: { id: 'hos_2', name: '同德' } })
  return method === 'POST' ? { ...(body as object), id: 'x' } : page([])
}

describe('when another hospital is chosen', () => {
  let gone = () => {}
  let asked: Asked[] = []
  beforeEach(() => {
    account.value = OPERATOR
    hospitals.value = [{ id: 'hos_1', code: 'a', name: '仁济' }, { id: 'hos_2', code: 'b', name: '同德' }] as typeof hospitals.value
    choose('hos_1')
    asked = answering(answer)
  })
  afterEach(() => {
    gone()
    account.value = null
    vi.unstubAllGlobals()
  })
  const department = (root: HTMLElement) => root.querySelector('select')!.value

  it('the back-test asks for its department, and what was answered for the other is gone', async () => {
    const opened = await mounted(BackTestPage)
    gone = opened.gone
    await vi.waitFor(() => expect(department(opened.root)).toBe('dep_hos_1'))
    opened.root.querySelector('form')!.dispatchEvent(new Event('submit', { cancelable: true }))
    await vi.waitFor(() => expect(wordsOf(opened.root)).toContain('没有可以回测的出诊'))
    choose('hos_2')
    await vi.waitFor(() => expect(department(opened.root)).toBe('dep_hos_2'))
    expect(wordsOf(opened.root)).not.toContain('没有可以回测的出诊')
    opened.root.querySelector('form')!.dispatchEvent(new Event('submit', { cancelable: true }))
    await vi.waitFor(() => expect(asked.at(-1)!.url.search).toContain('department_id=dep_hos_2'))
  })

  it('an answer that was on its way for the other is not shown', async () => {
    let release = (_: unknown) => {}
    const held = new Promise((resolve) => (release = resolve))
    answering((each) => (each.url.pathname.endsWith('back-test') ? held.then(() => backTested) : answer(each)))
    const opened = await mounted(BackTestPage)
    gone = opened.gone
    await vi.waitFor(() => expect(department(opened.root)).toBe('dep_hos_1'))
    opened.root.querySelector('form')!.dispatchEvent(new Event('submit', { cancelable: true }))
    await vi.waitFor(() => expect(wordsOf(opened.root)).toContain('正在计算'))
    choose('hos_2')
    await vi.waitFor(() => expect(department(opened.root)).toBe('dep_hos_2'))
    release(undefined)
    await vi.waitFor(() => expect(wordsOf(opened.root)).not.toContain('正在计算'))
    expect(wordsOf(opened.root)).not.toContain('没有可以回测的出诊')
  })

  it('rules that were begun are not for it', async () => {
    const opened = await mounted(RulesPage)
    gone = opened.gone
    const began = await vi.waitFor(() => button(opened.root, '发布新版本'))
    began.click()
    await vi.waitFor(() => expect(opened.root.querySelector('form')).not.toBeNull())
    choose('hos_2')
    await vi.waitFor(() => expect(opened.root.querySelector('button.main')).not.toBeNull())
    expect(opened.root.querySelector('form')).toBeNull()
  })

  it('the planner plans for its department', async () => {
    const opened = await mounted(PlannerPage)
    gone = opened.gone
    await vi.waitFor(() => expect(department(opened.root)).toBe('dep_hos_1'))
    choose('hos_2')
    await vi.waitFor(() => expect(department(opened.root)).toBe('dep_hos_2'))
  })

  it('a session is published for one of its doctors, or for none', async () => {
    const opened = await mounted(PublishPage)
    gone = opened.gone
    const doctor = () => opened.root.querySelector('select')!
    await vi.waitFor(() => expect(doctor().options).toHaveLength(2))
    doctor().value = 'doc_hos_1'
    doctor().dispatchEvent(new Event('change'))
    choose('hos_2')
    await vi.waitFor(() => expect(doctor().options[1]?.value).toBe('doc_hos_2'))
    expect(doctor().value).toBe('')
    opened.root.querySelector('form')!.dispatchEvent(new Event('submit', { cancelable: true }))
    await vi.waitFor(() => expect(wordsOf(opened.root)).toContain('有 1 处需要修改'))
    expect(asked.every(({ method }) => method === 'GET')).toBe(true)
  })

  it('a link with a doctor of the other names nobody', async () => {
    const opened = await mounted(PublishPage, {}, '/?doctor=doc_elsewhere')
    gone = opened.gone
    await vi.waitFor(() => expect(opened.root.querySelector('form')).not.toBeNull())
    opened.root.querySelector('form')!.dispatchEvent(new Event('submit', { cancelable: true }))
    await vi.waitFor(() => expect(wordsOf(opened.root)).toContain('有 1 处需要修改'))
    expect(wordsOf(opened.root)).not.toContain('TypeError')
  })

  it('no form about a member of the other is open', async () => {
    const opened = await mounted(StaffPage)
    gone = opened.gone
    await vi.waitFor(() => expect(wordsOf(opened.root)).toContain('member-hos_1'))
    button(opened.root, '修改').click()
    await nextTick()
    expect(opened.root.querySelector<HTMLInputElement>('form input')!.value).toBe('member-hos_1')
    choose('hos_2')
    await vi.waitFor(() => expect(wordsOf(opened.root)).toContain('member-hos_2'))
    expect(opened.root.querySelector<HTMLInputElement>('form input')!.value).toBe('')
  })

  it('and a page of one session stands below its own hospital', async () => {
    const opened = await mounted(SessionPage, { id: 'ses_1' })
    gone = opened.gone
    await vi.waitFor(() => expect(hospitalId.value).toBe('hos_2'))
  })
})
