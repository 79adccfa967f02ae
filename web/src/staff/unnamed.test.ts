/** Codes of a newer release than the page, for which it has no words: it says what they are of, and shows no key of its own. */

import { afterEach, expect, it, vi } from 'vitest'
import type { Component } from 'vue'
import { orderOf, paymentOf } from '@/patient/orders/samples'
import CashierCounter from './cashier/CounterPage.vue'
import './cashier/messages'
import RefundCard from './cashier/RefundCard.vue'
import LineTable from './desk/LineTable.vue'
import './desk/messages'
import { answering, button, mounted } from './mounting'
import './operator/messages'
import SagasPage from './operator/SagasPage.vue'
import CounterPage from './registrar/CounterPage.vue'
import './registrar/messages'
import SessionPage from './registrar/SessionPage.vue'
import { sessionOf } from './registrar/samples'
import StateCounts from './registrar/StateCounts.vue'

const NEW = 'frozen_solid' as never
const fee = { amount: 5000, currency: 'CNY' }
const saga = { order_id: 'ord_1', state: NEW, waits_for: NEW, since: '2026-11-23T10:00:00+08:00', until: null, stuck: false }
const refund = { id: 'rfd_1', amount: fee, created_at: saga.since, purpose: NEW, method: NEW, state: 'failed' }
const visit = { visit_id: 'vis_1', ticket: 'A1', state: NEW, visit_class: NEW, passes: 0 }
const PAGES: [string, Component, Record<string, unknown>, string[]][] = [
  ['the counter of the registrar', CounterPage, {}, ['状态']],
  ['what a stop has left', StateCounts, { of: { states: [{ state: NEW, orders: 1, amount: fee }] } }, ['状态']],
  ['a session', SessionPage, { id: 'ses_1' }, ['状态', '类别', '部分']],
  ['sagas', SagasPage, {}, ['状态', '类别']],
  ['the counter of the cashier', CashierCounter, {}, ['状态', '方式']],
  ['a refund', RefundCard, { refund }, ['类别', '方式']],
  ['a line', LineTable, { desk: { visitAct: {} }, list: 'waiting', visits: [visit] }, ['类别']],
]
let gone = () => {}
afterEach(() => {
  gone()
  vi.unstubAllGlobals()
})

it.each(PAGES)('%s', async (_, page, props, kinds) => {
  answering(({ url }) => {
    const ends = url.pathname.split('/').slice(3)
    if (ends[0] === 'orders') return orderOf(NEW)
    if (ends[0] === 'sagas') return { counts: [{ ...saga, orders: 1, stuck: 0 }], items: [saga], next_cursor: null }
    if (ends[0] === 'payments') return { items: [paymentOf({ state: NEW, method: NEW })], next_cursor: null }
    return ends[0] === 'sessions' && ends.length === 2 ? sessionOf({ state: NEW, policy: NEW, period: NEW }) : { items: [], next_cursor: null }
  })
  const opened = await mounted(page, props, '/?order=ord_1')
  gone = opened.gone
  const field = opened.root.querySelector('input')
  if (page === CashierCounter && field) {
    field.value = 'ord_1'
    field.dispatchEvent(new Event('input'))
    await vi.waitFor(() => expect(button(opened.root, '查询').disabled).toBe(false))
    button(opened.root, '查询').click()
  }
  await vi.waitFor(() => kinds.forEach((kind) => expect(opened.root.textContent).toContain(`${kind}：frozen solid`)))
  expect(opened.root.textContent).not.toMatch(/\w+\.frozen|frozen_solid/)
})
