import { mount } from '@vue/test-utils'
import { describe, expect, it } from 'vitest'
import type { Session } from '@/api'
import { i18n } from '@/i18n'
import ChecksCard from './ChecksCard.vue'
import { messages } from './messages'
import { differences, type Differing } from './shown'
import type { Check, CheckName } from './verify'

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

/** What a reader sees of these checks. */
function told(checks: Check[], differing: Differing[] = []) {
  const verifier = { share: 1, verdict: { checks, results: [] } } as never
  return mount(ChecksCard, { props: { verifier, before: {}, differing }, global: { plugins: [i18n] } })
}

describe('what the seed’s check means', () => {
  const seed = (ok: boolean): Check => ({ name: 'commitment_known', ok })
  const own: Check = { name: 'commitment', ok: true }
  const { commitment, commitmentNoted } = messages['zh-CN'].draws.means

  it('is no more than that the record agrees with itself, unless the commitment was noted before', () => {
    expect([told([own]), told([own, seed(false)])].map((card) => [card.text().includes(commitment), card.text().includes(commitmentNoted)])).toEqual([
      [true, false],
      [true, false],
    ])
    expect(told([own, seed(true)]).text()).toContain(commitmentNoted)
    expect(commitment).not.toContain('事先')
  })
})

describe('a check that fails', () => {
  const { means, ifNot } = messages['zh-CN'].draws

  it.each(Object.keys(ifNot) as CheckName[])('(%s) is told as failed, not by what holds if it does not', (name) => {
    const text = told([{ name, ok: false }, ...(name === 'commitment' ? [{ name: 'commitment_known' as const, ok: true }] : [])]).text()
    expect(text).toContain(ifNot[name])
    for (const holds of [means[name], ...(name === 'commitment' ? [means.commitmentNoted] : [])]) expect(text).not.toContain(holds)
    expect(told([{ name, ok: true }]).text()).toContain(means[name])
  })
})

describe('the verdict', () => {
  const sound: Check[] = [{ name: 'digest', ok: true }]
  const { draws } = messages['zh-CN']

  it('is good for a record that agrees with itself and with the session beside it', () => {
    expect(told(sound).find('.verdict').classes()).toContain('good')
  })

  it('is none for a record that agrees with itself alone', () => {
    const verdict = told(sound, ['policy', 'doctor']).find('.verdict')
    expect(verdict.classes()).toContain('warn')
    expect(verdict.classes()).not.toContain('good')
    expect(verdict.text()).toContain(`${draws.differing.policy}、${draws.differing.doctor}`)
    expect(verdict.text()).not.toContain(draws.sound)
  })

  it('is bad for a record that contradicts itself, whatever else', () => {
    const card = told([{ name: 'digest', ok: false }], ['doctor'])
    expect(card.find('.verdict').text()).toContain(draws.unsoundWhy)
    expect(card.text()).toContain(draws.differing.doctor)
  })
})
