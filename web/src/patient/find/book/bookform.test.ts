import { flushPromises, mount } from '@vue/test-utils'
import { expect, it, vi } from 'vitest'
import { createMemoryHistory, createRouter } from 'vue-router'
import { booking, user } from '@/api'
import type * as Api from '@/api'
import { i18n } from '@/i18n'
import '../messages'
import BookForm from './BookForm.vue'
import './messages'

vi.mock('@/api', async (original) => ({ ...(await original<typeof Api>()), loggedIn: { __v_isRef: true, value: true } }))
type Init = { body: { patient_id: string }; headers: { 'Idempotency-Key': string } }

it('who it is for stays as it was asked for until that is answered', async () => {
  const people = { items: ['pat_1', 'pat_2'].map((id) => ({ id, name: id, age: 30, id_number: '' })) }
  vi.spyOn(user, 'GET').mockResolvedValue({ data: people, response: new Response(null, { status: 200 }) } as never)
  const sent: Init[] = []
  let lose: () => void = () => {}
  vi.spyOn(booking, 'POST').mockImplementation(((_: string, init: Init) => {
    sent.push(init)
    return new Promise((_resolve, reject) => (lose = () => reject(new TypeError('lost'))))
  }) as never)
  const session = { id: 'ses_1', policy: 'first_come', release_at: '2026-11-20T08:00:00+08:00', fee: { amount: 0, currency: 'CNY' }, slots: [] } as never
  const router = createRouter({ history: createMemoryHistory(), routes: [{ path: '/:any(.*)*', component: { template: '<p />' } }] })
  const open = () => mount(BookForm, { props: { session, phase: 'open', now: Date.now(), rules: null }, global: { plugins: [i18n, router] }, attachTo: document.body })
  let form = open()
  await flushPromises()
  const choose = (id: string) => form.find(`input[value=${id}]`).setValue()
  const ask = async () => {
    await form.find('form').trigger('submit')
    expect(form.find('input[value=pat_2]').element.matches(':disabled') || form.find('fieldset:disabled input[value=pat_2]').exists()).toBe(true)
    lose()
    await flushPromises()
  }
  await choose('pat_1')
  await ask()
  await choose('pat_2')
  await ask()
  await choose('pat_1')
  await choose('pat_2')
  await ask()
  expect(sent.map(({ body }) => body.patient_id)).toEqual(['pat_1', 'pat_2', 'pat_2'])
  expect(sent[0]!.headers['Idempotency-Key']).not.toBe(sent[1]!.headers['Idempotency-Key'])
  expect(sent[2]!.headers['Idempotency-Key']).toBe(sent[1]!.headers['Idempotency-Key'])
  form.unmount()

  form = open() // a reload: the same choice, and what was asked for by it may have come to something
  await flushPromises()
  await form.setProps({ phase: 'sold_out' })
  await ask()
  expect(sent[3]).toEqual(sent[2])
  form.unmount()
})
