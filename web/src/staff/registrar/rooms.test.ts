/** What pages show of a session: rooms in the reader's language, and nothing to press on another hospital's. */

import { nextTick } from 'vue'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { account, type Account } from '@/api'
import { setLocale } from '@/i18n'
import { choose, hospitals } from '../hospital'
import { answering, mounted } from '../mounting'
import CounterPage from './CounterPage.vue'
import './messages'
import RosterGrid from './RosterGrid.vue'
import { sessionOf } from './samples'
import SessionPage from './SessionPage.vue'

const session = sessionOf({ room: 'C206', date: '2026-12-01' })
const visit = { room: 'C206', doctor_name: '王', department_name: '心', starts_at: session.starts_at, ends_at: session.ends_at }
const order = { state: 'confirmed', visit, queue_number: 1, fee: null, paid: session.fee, refunded: session.fee, placed_at: session.starts_at, cancel_before: null, session_id: 'ses_1' }
const block = { department: session.department, rows: [{ doctor: session.doctor, cells: [[session]] }] }
const page = { items: [], next_cursor: null }
const settled = { stopped: false, orders: 0, amount: session.fee, states: [], settled: true }

const loggedIn = (hospital: string | null) => (account.value = { id: 'acc_1', roles: [hospital ? 'registrar' : 'operator'], hospital_id: hospital } as unknown as Account)
function answered() {
  return answering(({ url }) => {
    const ends = url.pathname.split('/').slice(3)
    if (ends[0] === 'orders') return order
    return ends[2] === 'stoppage' ? settled : ends.length > 2 ? page : session
  })
}
afterEach(() => {
  setLocale('zh-CN')
  account.value = null
  vi.unstubAllGlobals()
})

describe('the room', () => {
  it.each([
    ['the roster', RosterGrid, { blocks: [block], days: ['2026-12-01'], today: '2026-11-23' }, '/'],
    ['a session', SessionPage, { id: 'ses_1' }, '/'],
    ['the counter', CounterPage, {}, '/?order=ord_1'],
  ])('on the page of %s is named in her language', async (_, component, props, at) => {
    answered()
    const { root, gone } = await mounted(component, props, at)
    await vi.waitFor(() => expect(root.textContent).toContain('C206 诊室'))
    setLocale('en')
    await nextTick()
    expect(root.textContent).toContain('Room C206')
    gone()
  })
})

describe('a session', () => {
  const shown = async () => {
    const asked = answered()
    const { root, gone } = await mounted(SessionPage, { id: 'ses_1' })
    await vi.waitFor(() => expect(root.textContent).toContain('王立群'))
    const found = { text: root.textContent!, presses: root.querySelectorAll('button, input').length, asked: asked.map(({ url }) => url.pathname) }
    gone()
    return found
  }

  it('of another hospital is shown under its name, with nothing to press', async () => {
    loggedIn('hos_2')
    const { text, presses, asked } = await shown()
    expect(text).toContain('这是仁济示范医院的出诊，只能查看')
    expect(presses).toBe(0)
    expect(asked).toEqual(['/api/v1/sessions/ses_1'])
  })

  it.each(['hos_1', null])('of her own hospital, or for an operator, has all that can be done (%s)', async (hospital) => {
    hospitals.value = [{ id: 'hos_2', name: '同德' }] as typeof hospitals.value
    choose('hos_2')
    loggedIn(hospital)
    const { text } = await shown()
    expect(text).not.toContain('只能查看')
    for (const panel of ['加号', '凭证', '停诊']) expect(text).toContain(panel)
  })
})
