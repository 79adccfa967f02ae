import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { effectScope, nextTick, ref } from 'vue'
import { Problem, Unreachable } from '@/api'
import { useLoad, type Load, type Options } from './load'

function loading<T>(fetch: () => Promise<T>, options?: Options): { load: Load<T>; stop: () => void } {
  const scope = effectScope()
  return { load: scope.run(() => useLoad(fetch, options))!, stop: () => scope.stop() }
}

describe('what a page loads', () => {
  beforeEach(() => void vi.useFakeTimers())
  afterEach(() => void vi.useRealTimers())

  it('keeps what was there when the network goes, and says so', async () => {
    const answers = [() => Promise.resolve(1), () => Promise.reject(new Unreachable(0)), () => Promise.resolve(2)]
    const { load, stop } = loading(() => answers.shift()!(), { every: 1000 })
    await vi.advanceTimersByTimeAsync(0)
    expect(load).toMatchObject({ data: 1, error: undefined, loading: false })
    await vi.advanceTimersByTimeAsync(1000)
    expect(load.data).toBe(1)
    expect(load.error).toBeInstanceOf(Unreachable)
    await vi.advanceTimersByTimeAsync(1000)
    expect(load).toMatchObject({ data: 2, error: undefined })
    stop()
  })

  it('forgets what is not there any more', async () => {
    const answers = [() => Promise.resolve(1), () => Promise.reject(new Problem(404, {}))]
    const { load, stop } = loading(() => answers.shift()!())
    await vi.advanceTimersByTimeAsync(0)
    await load.reload()
    expect(load.data).toBeUndefined()
    stop()
  })

  it('drops an answer that was overtaken', async () => {
    const which = ref('slow')
    const { load, stop } = loading(
      async () => {
        const mine = which.value
        await new Promise((resolve) => setTimeout(resolve, mine === 'slow' ? 500 : 10))
        return mine
      },
      { of: [which] },
    )
    which.value = 'quick'
    await nextTick()
    await vi.advanceTimersByTimeAsync(1000)
    expect(load.data).toBe('quick')
    stop()
  })

  describe('while the page is not looked at', () => {
    const look = (hidden: boolean) => {
      vi.spyOn(document, 'hidden', 'get').mockReturnValue(hidden)
      document.dispatchEvent(new Event('visibilitychange'))
    }

    it('asks for nothing, and at once when it is again', async () => {
      const fetch = vi.fn(() => Promise.resolve(1))
      const { stop } = loading(fetch, { every: 1000 })
      await vi.advanceTimersByTimeAsync(0)
      look(true)
      await vi.advanceTimersByTimeAsync(60_000)
      expect(fetch).toHaveBeenCalledTimes(1)
      look(false)
      expect(fetch).toHaveBeenCalledTimes(2)
      await vi.advanceTimersByTimeAsync(1000)
      expect(fetch).toHaveBeenCalledTimes(3)
      stop()
    })

    it.each<[string, Options]>([
      ['nothing', {}],
      ['0', { every: 0 }],
      ['what says 0', { every: () => 0 }],
    ])('and does not ask again for what has ended: every is %s', async (_, options) => {
      const fetch = vi.fn(() => Promise.resolve(1))
      const { stop } = loading(fetch, options)
      await vi.advanceTimersByTimeAsync(0)
      look(true)
      look(false)
      await vi.advanceTimersByTimeAsync(5000)
      expect(fetch).toHaveBeenCalledTimes(1)
      stop()
    })
  })

  it('shows nothing of what it was about before', async () => {
    const which = ref('a')
    const answers: { resolve: (what: string) => void; reject: (error: unknown) => void }[] = []
    const { load, stop } = loading(() => new Promise<string>((resolve, reject) => answers.push({ resolve, reject })), { of: [which] })
    answers[0]!.resolve('a')
    await vi.advanceTimersByTimeAsync(0)
    expect(load.data).toBe('a')
    which.value = 'b'
    await nextTick()
    expect(load).toMatchObject({ data: undefined, loading: true })
    answers[1]!.reject(new Unreachable(0))
    await vi.advanceTimersByTimeAsync(0)
    expect(load.error).toBeInstanceOf(Unreachable)
    which.value = 'c'
    await nextTick()
    expect(load).toMatchObject({ data: undefined, error: undefined, loading: true })
    stop()
  })

  it('asks no more when its page has gone', async () => {
    const fetch = vi.fn(() => Promise.resolve(1))
    const { stop } = loading(fetch, { every: 1000 })
    await vi.advanceTimersByTimeAsync(2500)
    const asked = fetch.mock.calls.length
    expect(asked).toBeGreaterThan(1)
    stop()
    await vi.advanceTimersByTimeAsync(5000)
    expect(fetch).toHaveBeenCalledTimes(asked)
  })
})
