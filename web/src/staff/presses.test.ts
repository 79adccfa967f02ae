/** A double click, or a key that is held down, is one press: what adds something adds it once. */

import { nextTick } from 'vue'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { account, serverNow, type Account } from '@/api'
import { answering, button, mounted, type Asked } from './mounting'
import { onePress } from './presses'
import AddNumbers from './registrar/AddNumbers.vue'
import './registrar/messages'
import { sessionOf } from './registrar/samples'
import StaffLayout from './StaffLayout.vue'

const soon = (hours: number) => new Date(serverNow() + hours * 3_600_000).toISOString()
const slot = { id: 'slo_1', starts_at: soon(1), ends_at: soon(2), capacity: 5, remaining: 1 }
const session = sessionOf({ slots: [slot] as ReturnType<typeof sessionOf>['slots'] })
const posts = (asked: Asked[]) => asked.filter(({ method }) => method === 'POST').length

function click(on: HTMLElement, detail: number): void {
  on.dispatchEvent(new MouseEvent('click', { bubbles: true, cancelable: true, detail }))
}
/** As browsers do: the key, and what it does unless somebody prevents it. */
function enter(field: HTMLElement, repeat: boolean): void {
  if (field.dispatchEvent(new KeyboardEvent('keydown', { key: 'Enter', repeat, bubbles: true, cancelable: true }))) click(button(document.body, '加号'), 0)
}

describe('more numbers', () => {
  let stop = () => {}
  beforeEach(() => (stop = onePress()))
  afterEach(() => {
    stop()
    vi.unstubAllGlobals()
  })
  const adding = async () => {
    const asked = answering(() => session)
    const { root, gone } = await mounted(AddNumbers, { session })
    const add = button(root, '加号')
    const answered = async (times: number) => {
      await vi.waitFor(() => expect(posts(asked)).toBe(times))
      await vi.waitFor(() => expect(add.disabled).toBe(false))
    }
    return { asked, root, gone, add, answered }
  }

  it('are added once by a double click, however fast the answer comes, and again by another click', async () => {
    const { asked, add, answered, gone } = await adding()
    click(add, 1)
    await answered(1)
    click(add, 2)
    click(add, 3)
    await nextTick()
    expect(add.disabled).toBe(false)
    click(add, 1)
    await answered(2)
    expect(posts(asked)).toBe(2)
    gone()
  })

  it('are added once by Enter that is held down, and again by another one', async () => {
    const { asked, root, add, answered, gone } = await adding()
    const field = root.querySelector<HTMLElement>('input[type=number]')!
    enter(field, false)
    await answered(1)
    enter(field, true)
    await nextTick()
    expect(add.disabled).toBe(false)
    enter(field, false)
    await answered(2)
    expect(posts(asked)).toBe(2)
    gone()
  })
})

it('holds on every page of the staff, as long as it is open', async () => {
  account.value = { id: 'acc_1', username: 'x', roles: ['registrar'], hospital_id: 'hos_1' } as unknown as Account
  answering(() => ({ items: [], next_cursor: null }))
  const { gone } = await mounted(StaffLayout)
  const form = document.body.appendChild(document.createElement('form')) // a dialog may stand beside the page
  const send = form.appendChild(document.createElement('button'))
  const submit = vi.fn((event: Event) => event.preventDefault())
  form.addEventListener('submit', submit)
  click(send, 2)
  expect(submit).not.toHaveBeenCalled()
  gone()
  click(send, 2)
  expect(submit).toHaveBeenCalledOnce()
  form.remove()
  account.value = null
  vi.unstubAllGlobals()
})
