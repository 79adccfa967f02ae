import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { effectScope, ref } from 'vue'
import { Problem, Unreachable } from '@/api/problem'
import type { Link } from '@/api/stream'
import { useLive, type Live } from './live'

const stream = { link: ref<Link>('connecting'), tell: (_event: string, _data: unknown) => {} }
vi.mock('@/api/stream', () => ({
  useStream: (_path: string, tell: typeof stream.tell) => {
    stream.tell = tell
    return { link: stream.link, close: () => undefined }
  },
}))

let answers: { resolve: (n: number) => void; reject: (error: unknown) => void }[] = []
let stop = () => {}

function live(): Live<number> {
  const scope = effectScope()
  stop = () => scope.stop()
  return scope.run(() =>
    useLive<number, number>({ path: '/x', event: 'queue', fetch: () => new Promise((resolve, reject) => answers.push({ resolve, reject })), merge: (_, told) => told }),
  )!
}
const soon = () => vi.advanceTimersByTimeAsync(1)

describe('what moves by itself', () => {
  beforeEach(() => {
    vi.useFakeTimers()
    stream.link.value = 'connecting'
    answers = []
  })
  afterEach(() => {
    stop()
    vi.useRealTimers()
  })

  it('is asked for first, then told', async () => {
    const at = live()
    expect(at.freshness).toBe('connecting')
    answers[0]!.resolve(1)
    await soon()
    expect([at.data, at.freshness]).toEqual([1, 'asking'])
    stream.link.value = 'live'
    stream.tell('queue', 2)
    stream.tell('other', 9)
    expect([at.data, at.freshness]).toEqual([2, 'live'])
    await vi.advanceTimersByTimeAsync(60_000)
    expect(answers).toHaveLength(1)
  })

  it('is not undone by an older answer that comes later', async () => {
    const at = live()
    stream.link.value = 'live'
    stream.tell('queue', 2)
    answers[0]!.resolve(1)
    await soon()
    expect(at.data).toBe(2)
  })

  it('is old as soon as the stream is lost, and as good as new again by asking', async () => {
    const at = live()
    answers[0]!.resolve(1)
    await soon()
    stream.link.value = 'live'
    stream.tell('queue', 2)
    await vi.advanceTimersByTimeAsync(10)
    stream.link.value = 'lost'
    expect([at.data, at.freshness]).toEqual([2, 'old'])
    await vi.advanceTimersByTimeAsync(6000)
    answers[1]!.resolve(3)
    await soon()
    expect([at.data, at.freshness]).toEqual([3, 'asking'])
    await vi.advanceTimersByTimeAsync(6000)
    answers[2]!.reject(new Unreachable('x'))
    await soon()
    expect([at.data, at.freshness]).toEqual([3, 'old'])
    stream.link.value = 'live'
    stream.tell('queue', 4)
    expect([at.data, at.freshness, at.error]).toEqual([4, 'live', undefined])
  })

  it('shows nothing of what is not ours to see any more', async () => {
    const at = live()
    stream.tell('queue', 2)
    answers[0]!.resolve(2)
    await soon()
    void at.reload()
    answers[1]!.reject(new Problem(404, { code: 'visit_not_found' }))
    await soon()
    expect(at.data).toBeUndefined()
    expect(at.error).toBeInstanceOf(Problem)
  })

  it('is asked for at once when the page is looked at again', async () => {
    live()
    answers[0]!.resolve(1)
    await soon()
    document.dispatchEvent(new Event('visibilitychange'))
    expect(answers).toHaveLength(2)
  })

  it('is asked for once more by who asks while an older question is out: that one may not know what has been done since', async () => {
    const at = live()
    let seen: unknown
    const reload = at.reload().then(() => (seen = at.data))
    void at.reload()
    answers[0]!.resolve(1)
    await soon()
    expect([seen, answers.length]).toEqual([undefined, 2])
    answers[1]!.resolve(2)
    await reload
    expect(seen).toBe(2)
    await soon()
    expect(answers).toHaveLength(2)
    void at.reload()
    expect(answers).toHaveLength(3)
  })

  it('is not asked for by the hour while a question is out', async () => {
    live()
    await vi.advanceTimersByTimeAsync(30_000)
    answers[0]!.resolve(1)
    await soon()
    expect(answers).toHaveLength(1)
  })

  it('is asked for again though the stream is live, until there is an answer', async () => {
    const at = live()
    stream.link.value = 'live'
    answers[0]!.reject(new Unreachable('x'))
    await soon()
    expect([at.data, at.freshness]).toEqual([undefined, 'old'])
    await vi.advanceTimersByTimeAsync(6000)
    answers[1]!.resolve(1)
    await soon()
    expect([at.data, at.freshness, at.error]).toEqual([1, 'live', undefined])
    await vi.advanceTimersByTimeAsync(20_000)
    expect(answers).toHaveLength(2)
  })

  it.each<[string, (at: number) => void]>([
    ['answered', (at) => answers[at]!.resolve(9)],
    ['refused', (at) => answers[at]!.reject(new Problem(404, {}))],
    ['told', () => stream.tell('queue', 9)],
  ])('takes nothing that is %s after it was closed', async (_, comes) => {
    const at = live()
    answers[0]!.resolve(1)
    await soon()
    void at.reload()
    at.close()
    comes(1)
    await soon()
    expect([at.data, at.error]).toEqual([1, undefined])
    void at.reload()
    await soon()
    expect(answers).toHaveLength(2)
  })

  it('asks no more when its component has gone', async () => {
    live()
    answers[0]!.resolve(1)
    await soon()
    stop()
    await vi.advanceTimersByTimeAsync(60_000)
    expect(answers).toHaveLength(1)
  })
})
