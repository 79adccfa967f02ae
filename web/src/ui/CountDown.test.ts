import { mount } from '@vue/test-utils'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { nextTick } from 'vue'
import { forget, learn } from '@/api/clock'
import CountDown from './CountDown.vue'

const PHONE = Date.parse('2026-11-20T08:00:00Z')
const MINUTES = 60_000

/** The server's clock is `ahead` of the phone's; answers come at once, so that it is known to half a second. */
function serverIs(ahead: number): void {
  learn(PHONE, PHONE, new Date(PHONE + ahead - 500).toISOString())
}

describe('what is left', () => {
  beforeEach(() => void vi.useFakeTimers({ now: PHONE }))
  afterEach(() => {
    vi.useRealTimers()
    forget()
  })

  it.each([10, -10])('goes by the server, whose clock is %i minutes off the phone', (off) => {
    serverIs(off * MINUTES)
    const until = new Date(PHONE + (off + 3) * MINUTES).toISOString()
    const shown = mount(CountDown, { props: { until } })
    expect(shown.text()).toMatch(/^0?3:00$|^0?2:59$/)
    expect(shown.emitted('over')).toBeUndefined()
  })

  it.each(['', 'soon'])('of a time that is none is nothing, and is not over: %o', async (until) => {
    const shown = mount(CountDown, { props: { until } })
    await vi.advanceTimersByTimeAsync(3000)
    expect([shown.text(), shown.find('time').exists(), shown.emitted('over')]).toEqual(['', false, undefined])
    await shown.setProps({ until: new Date(PHONE + 60_000).toISOString() })
    expect(shown.text()).toMatch(/^00:5\d$/)
  })

  it('is over when it is by the server, and tells so once', async () => {
    serverIs(10 * MINUTES)
    const shown = mount(CountDown, { props: { until: new Date(PHONE + 10 * MINUTES + 5000).toISOString() } })
    expect(shown.emitted('over')).toBeUndefined()
    await vi.advanceTimersByTimeAsync(8000)
    await nextTick()
    expect(shown.emitted('over')).toHaveLength(1)
  })
})
