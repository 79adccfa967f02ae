import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { forget, learn, serverNow, tellingPause } from './clock'

/** The server's clock is `ahead` of ours; its answers take `way` ms there and back, and are dated in whole seconds. */
function answer(ahead: number, way: number): void {
  const sent = Date.now()
  vi.setSystemTime(sent + way)
  const written = sent + way / 2 + ahead
  learn(sent, sent + way, new Date(Math.floor(written / 1000) * 1000).toUTCString())
}

describe('the server’s clock', () => {
  beforeEach(() => {
    forget()
    vi.useFakeTimers({ now: 1_800_000_000_123 })
    vi.spyOn(Math, 'random').mockReturnValue(0.25)
  })
  afterEach(() => {
    vi.useRealTimers()
    vi.restoreAllMocks()
  })

  it('is ours until something is known', () => {
    expect(serverNow()).toBe(Date.now())
    learn(0, 1, null)
    learn(0, 1, 'yesterday')
    expect(serverNow()).toBe(Date.now())
  })

  it('is known to less than the way of an answer after some of them', () => {
    for (let i = 0; i < 40; i++) {
      vi.setSystemTime(Date.now() + 337)
      answer(-90_000, 60)
    }
    expect(Math.abs(serverNow() - (Date.now() - 90_000))).toBeLessThan(60)
  })

  it('is never further off than one answer allows', () => {
    answer(5_000, 400)
    expect(Math.abs(serverNow() - (Date.now() + 5_000))).toBeLessThanOrEqual(700)
  })

  it.each([-90_480, -730, 0, 10, 270, 499, 880, 60_333])('is known well after the few answers of ten seconds, if they are asked for at telling moments (%i ms)', (ahead) => {
    answer(ahead, 60)
    for (let i = 0; i < 3; i++) {
      vi.setSystemTime(Date.now() + tellingPause(3000))
      answer(ahead, 60)
    }
    expect(Math.abs(serverNow() - (Date.now() + ahead))).toBeLessThan(125)
    expect(tellingPause(3000)).toBe(3250) // known so well, nobody has to ask at the same moment as everybody else
  })

  it('has no telling moments before anything is known of it', () => expect(tellingPause(3000)).toBe(3250))

  it('is asked for at three telling moments at most: over a slow network a crowd would go on coming at the same moment', () => {
    const pauses = []
    for (let i = 0; i < 6; i++) {
      answer(0, 600)
      pauses.push(tellingPause(3000), tellingPause(3000)) // the second: a tab out of sight plans anew without having asked
      vi.setSystemTime(Date.now() + pauses.at(-1)!)
    }
    const spread = pauses.map((pause) => pause === 3250)
    expect(spread).toEqual([...Array(6).fill(false), ...Array(6).fill(true)])
  })

  it('follows when somebody sets a clock', () => {
    answer(0, 50)
    answer(3_600_000, 50)
    expect(Math.abs(serverNow() - (Date.now() + 3_600_000))).toBeLessThan(600)
  })
})
