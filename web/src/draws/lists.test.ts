import { describe, expect, it } from 'vitest'
import type { Session } from '@/api'
import { common } from '@/i18n/common'
import { sorted } from './lists'
import { messages } from './messages'

const session = (id: string, draw_at: string, more: Partial<Session> = {}) => ({ id, draw_at, policy: 'lottery', state: 'open', ...more }) as Session

describe('the list of draws', () => {
  it('has those to come by time, those that were held the newest first, and no others', () => {
    const now = Date.parse('2026-12-01T10:00:00+08:00')
    const { coming, drawn } = sorted(
      [
        session('late', '2026-12-03T10:00:00+08:00'),
        session('soon', '2026-12-02T10:00:00+08:00'),
        session('stopped', '2026-12-02T10:00:00+08:00', { state: 'stopped' }),
        session('plain', '2026-12-02T10:00:00+08:00', { policy: 'first_come' }),
        session('old', '2026-11-20T10:00:00+08:00'),
        session('now', '2026-12-01T10:00:00+08:00'),
      ],
      now,
    )
    expect(coming.map((one) => one.id)).toEqual(['soon', 'late'])
    expect(drawn.map((one) => one.id)).toEqual(['now', 'old'])
  })

  it.each(['zh-CN', 'en'] as const)('tells kinds of draw apart, all of which are public (%s)', (locale) => {
    const { lottery, weighted } = common[locale].policy
    for (const kind of [lottery, weighted]) expect(kind).not.toMatch(/公开|public/i)
    expect(messages[locale].draws.means.list).toContain(lottery.toLowerCase())
  })
})
