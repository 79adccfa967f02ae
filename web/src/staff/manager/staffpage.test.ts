import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { nextTick } from 'vue'
import { account, type Account } from '@/api'
import { answering, mounted, problem } from '../mounting'
import './messages'
import StaffPage from './StaffPage.vue'

const member = (id: string) => ({ id, username: `用户${id}`, roles: ['cashier'], doctor_id: null, hospital_id: 'hos_1' })
let members = [member('1'), member('2')]

beforeEach(() => {
  members = [member('1'), member('2')]
  account.value = { id: 'acc_1', username: 'x', roles: ['hospital_admin'], hospital_id: 'hos_1' } as unknown as Account
})
afterEach(() => {
  account.value = null
  vi.unstubAllGlobals()
})

it('who is no longer there is not shown, though the answer says nothing of it; and what was said before is no longer said', async () => {
  let said: () => Response = () => new Response(null, { status: 204 })
  answering(({ method, url }) => {
    if (method === 'DELETE') members = members.filter(({ id }) => !url.pathname.endsWith(id))
    return method === 'DELETE' ? said() : { items: url.pathname.endsWith('/staff') ? members : [], next_cursor: null }
  })
  const { root, gone } = await mounted(StaffPage)
  const remove = async () => {
    await vi.waitFor(() => root.querySelector<HTMLElement>('td .plain:last-child')!.click())
    await nextTick()
    root.querySelector<HTMLElement>('.danger')!.click()
  }
  await remove()
  await vi.waitFor(() => expect(root.querySelector('.note.good')?.textContent).toContain('用户1'))
  await vi.waitFor(() => expect(root.querySelector('tbody')!.textContent).not.toContain('用户1'))

  said = () => problem({ code: 'conflict' }, 409)
  await remove()
  await vi.waitFor(() => expect(root.querySelector('.card .fault')).toBeTruthy())
  expect(root.textContent).not.toContain('用户2')
  expect(root.querySelector('.note.good')).toBeNull()
  gone()
})
