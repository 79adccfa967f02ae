/** Things for tests. */

import type { Session } from '@/api'

export function sessionOf(changes: Partial<Session> = {}): Session {
  return {
    id: 'ses_1', code: 'D001-20261201-morning', version: 1,
    hospital: { id: 'hos_1', name: '仁济示范医院' }, department: { id: 'dep_1', name: '心血管内科' }, doctor: { id: 'doc_1', name: '王立群', title: '主任医师' },
    date: '2026-12-01', period: 'morning', grade: '主任医师', urgent: false,
    starts_at: '2026-12-01T08:00:00+08:00', ends_at: '2026-12-01T11:30:00+08:00', room: 'A1', fee: { amount: 5000, currency: 'CNY' },
    policy: 'first_come', release_at: '2026-11-24T08:30:00+08:00', draw_at: null, cancel_before: '2026-11-30T20:00:00+08:00',
    state: 'open', capacity: 10, remaining: 4, slots: [],
    ...changes,
  }
}
