import { mount } from '@vue/test-utils'
import { describe, expect, it } from 'vitest'
import type { Session } from '@/api'
import { i18n } from '@/i18n'
import ChecksCard from './ChecksCard.vue'
import { messages } from './messages'
import { differences, type Differing } from './shown'
import type { Check } from './verify'

const record = {
  session: { id: 's', hospital_id: 'h', department_id: 'd', doctor_id: 'x', date: '2026-12-05', period: 'morning', starts_at: '2026-12-05T08:30:00+08:00' },
  policy: 'lottery' as const,
  closes_at: '2026-12-01T10:30:00.527+08:00',
  segments: [{ id: 'slt_0', starts_at: '2026-12-05T08:30:00+08:00', numbers: 2 }],
}
const session = {
  ...{ hospital: { id: 'h' }, department: { id: 'd' }, doctor: { id: 'x' }, date: '2026-12-05', period: 'morning', policy: 'lottery' },
  ...{ starts_at: '2026-12-05T00:30:00Z', draw_at: '2026-12-01T02:30:00.527948Z' },
  slots: [{ id: 'slt_0', starts_at: '2026-12-05T00:30:00Z', capacity: 3 }],
} as unknown as Session

describe('the session beside a record', () => {
  it('agrees with it, however its times are written', () => expect(differences(record, session)).toEqual([]))

  it.each<[Differing, object]>([
    ['hospital', { hospital: { id: 'other' } }],
    ['department', { department: { id: 'other' } }],
    ['doctor', { doctor: { id: 'other' } }],
    ['date', { date: '2026-12-06' }],
    ['time', { starts_at: '2026-12-05T01:30:00Z' }],
    ['period', { period: 'evening' }],
    ['policy', { policy: 'weighted' }],
    ['closes', { draw_at: '2026-12-01T02:31:00Z' }],
    ['segments', { slots: [{ ...session.slots[0], capacity: 1 }] }],
    ['segments', { slots: [] }],
  ])('differs in its %s', (what, change) => {
    expect(differences(record, { ...session, ...change } as Session)).toEqual([what])
    for (const locale of ['zh-CN', 'en'] as const) expect(messages[locale].draws.differing[what]).toBeTruthy()
  })
})

describe('what the seed’s check means', () => {
  const told = (...checks: Check[]) => {
    const verifier = { share: 1, verdict: { checks, results: [] } } as never
    return mount(ChecksCard, { props: { verifier, before: {} }, global: { plugins: [i18n] } }).text()
  }
  const seed = (ok: boolean): Check => ({ name: 'commitment_known', ok })
  const own: Check = { name: 'commitment', ok: true }
  const { commitment, commitmentNoted } = messages['zh-CN'].draws.means

  it('is no more than that the record agrees with itself, unless the commitment was noted before', () => {
    expect([told(own), told(own, seed(false))].map((text) => [text.includes(commitment), text.includes(commitmentNoted)])).toEqual([
      [true, false],
      [true, false],
    ])
    expect(told(own, seed(true))).toContain(commitmentNoted)
    expect(commitment).not.toContain('事先')
  })
})
