/** Orders and payments for tests. */

import type { Order } from '@/api'
import type { Payment } from './pay'

export const NOW = Date.parse('2026-11-23T02:00:00Z') // 10:00 in Shanghai
export const yuan = (amount: number): { amount: number; currency: 'CNY' } => ({ amount, currency: 'CNY' })

export const VISIT: NonNullable<Order['visit']> = {
  hospital_id: 'hos_1',
  hospital_name: '仁济示范医院',
  department_id: 'dep_1',
  department_name: '内科',
  doctor_id: 'doc_1',
  doctor_name: '王医生',
  doctor_title: '主任医师',
  date: '2026-11-30',
  period: 'morning',
  starts_at: '2026-11-30T08:00:00+08:00',
  ends_at: '2026-11-30T08:30:00+08:00',
  room: 'A101',
}

export function orderOf(state: Order['state'], more: Partial<Order> = {}): Order {
  return {
    id: 'ord_1',
    state,
    reason: null,
    rule: null,
    until: null,
    void_reason: null,
    session_id: 'ses_1',
    slot_id: 'slo_1',
    patient_id: 'pat_1',
    patient_name: '李*',
    queue_number: 1,
    waitlist_position: null,
    auto_book: true,
    entry: null,
    fee: yuan(5000),
    due: yuan(5000),
    paid: yuan(0),
    moved: yuan(0),
    refunded: yuan(0),
    visit: VISIT,
    visit_id: null,
    replaces: null,
    replaced_by: null,
    substitutes: [],
    placed_at: '2026-11-23T09:00:00+08:00',
    pay_before: '2026-11-23T10:15:00+08:00',
    accept_before: '2026-11-23T10:20:00+08:00',
    cancel_before: '2026-11-29T20:00:00+08:00',
    history: [{ at: '2026-11-23T09:59:50+08:00', state, event: 'placed' }],
    ...more,
  }
}

export function paymentOf(more: Partial<Payment> = {}): Payment {
  const amount = more.amount ?? yuan(5000)
  return {
    id: 'pay_1',
    order_id: 'ord_1',
    method: 'wechat',
    channel: 'native',
    state: 'succeeded',
    amount,
    description: '',
    pay_before: '2026-11-23T10:15:00+08:00',
    show: null,
    show_until: null,
    created_at: '2026-11-23T09:59:55+08:00',
    paid_at: null,
    reason: '',
    parts: [{ order_id: 'ord_1', from_order_id: null, amount, state: 'settles' }],
    ...more,
  }
}
