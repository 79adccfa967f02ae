/** A page of the staff that was opened while nobody could say who she is. */

import { expect, it, vi } from 'vitest'
import { account, enter } from '@/api'
import { mounted, problem } from './mounting'
import StaffLayout from './StaffLayout.vue'

it('learns who works here, and for which hospital, before it shows anything of one', async () => {
  const hospitals = ['hos_1', 'hos_2'].map((id) => ({ id, name: id }))
  let me = () => problem({ code: 'too_many_requests' }, 429)
  vi.stubGlobal('fetch', async (request: Request | string) => (typeof request === 'string' ? me() : problem({ items: hospitals, next_cursor: null }, 200)))
  await enter({ access_token: 'head.e30.sign', refresh_token: 'r1', expires_in: 900, token_type: 'Bearer' })
  expect(account.value).toBeNull()
  const { root, gone } = await mounted(StaffLayout)
  await vi.waitFor(() => expect(root.querySelector('main [role=alert]')).not.toBeNull())
  me = () => problem({ id: 'acc_1', username: 'x', roles: ['registrar'], hospital_id: 'hos_2' }, 200)
  root.querySelector<HTMLButtonElement>('main button')!.click()
  await vi.waitFor(() => expect(root.querySelector('header .hospital')?.textContent).toBe('hos_2'))
  gone()
  vi.unstubAllGlobals()
})
