import { mount } from '@vue/test-utils'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { i18n } from '@/i18n'
import { messages } from './messages'
import type { OpenDraw } from './open'
import OpenView from './OpenView.vue'

const CLOSE = Date.parse('2026-12-01T02:30:00Z')
const draw: OpenDraw = { commitment: 'c'.repeat(64), opens_at: '2026-12-01T10:00:00+08:00', closes_at: '2026-12-01T10:30:00+08:00', entrants: 3 } as OpenDraw
const { drawing, phase } = messages['zh-CN'].draws

/** What the page says so many seconds after the close. */
function after(seconds: number): string {
  vi.setSystemTime(CLOSE + seconds * 1000)
  const page = mount(OpenView, { props: { sessionId: 's', draw, stopped: false }, global: { plugins: [i18n], stubs: { RouterLink: true, OwnReceipt: true } } })
  const text = page.text()
  page.unmount()
  return text
}

describe('a draw that is waited for', () => {
  beforeEach(() => void vi.useFakeTimers())
  afterEach(() => void vi.useRealTimers())

  it('comes in seconds, as long as that can be believed', () => {
    for (const seconds of [1, 60, 119]) expect(after(seconds)).toContain(drawing)
  })

  it('is late after two minutes, and the page says so, since when, and that the commitment stands', () => {
    const late = after(121)
    expect(late).not.toContain(drawing)
    expect(late).not.toContain(phase.drawing)
    expect(late).toContain(phase.late)
    expect(late).toMatch(/10:30.*承诺/)
    expect(late).toContain(draw.commitment)
  })
})
