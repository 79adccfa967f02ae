import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { effectScope, nextTick, ref } from 'vue'
import { booking } from '@/api'
import { useWaits } from './waits'

const line = ref<string[]>([])
let asked: string[] = []
let stop = () => {}

function waits() {
  const scope = effectScope()
  stop = () => scope.stop()
  return scope.run(() => useWaits(() => line.value))!
}
const soon = async () => (await nextTick(), await vi.advanceTimersByTimeAsync(1000))

describe('the waits at the desk', () => {
  beforeEach(() => {
    vi.useFakeTimers()
    line.value = []
    asked = []
    const get = async (_: string, { params, signal }: { params: { path: { visit_id: string } }; signal: AbortSignal }) => {
      asked.push(params.path.visit_id)
      await new Promise((resolve) => setTimeout(resolve, 10))
      signal.throwIfAborted()
      return { data: { expected: 60 * asked.length }, response: new Response() }
    }
    vi.spyOn(booking, 'GET').mockImplementation(get as never)
  })
  afterEach(() => {
    stop()
    vi.restoreAllMocks()
    vi.useRealTimers()
  })

  it('are asked for once a minute, however often the line moves, and stand for who is still there', async () => {
    const found = waits()
    await soon()
    line.value = ['a', 'b', 'c']
    await soon()
    for (const next of [['b', 'c'], ['c'], ['c', 'd']]) {
      line.value = next
      await soon()
    }
    expect(asked).toEqual(['a', 'b', 'c'])
    expect([...found.value]).toEqual([['c', 3]])
    await vi.advanceTimersByTimeAsync(120_000)
    expect(asked.slice(3, 5)).toEqual(['c', 'd'])
    expect(found.value.has('d')).toBe(true)
  })

  it('are asked for of nobody who was called meanwhile, nor after the page has gone', async () => {
    waits()
    await soon()
    line.value = ['a', 'b', 'c', 'd', 'e']
    await nextTick()
    await vi.advanceTimersByTimeAsync(5)
    line.value = ['c', 'd', 'e']
    await vi.advanceTimersByTimeAsync(10)
    expect(asked).toEqual(['a', 'c'])
    stop()
    await soon()
    expect(asked).toEqual(['a', 'c'])
  })
})
