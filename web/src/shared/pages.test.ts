import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { effectScope, nextTick, ref } from 'vue'
import { usePages } from './pages'

const of = ref('a')
let fetched: string[] = []

/** Pages of two of ten items; a cursor is where the next begins. */
async function fetch(cursor = '0'): Promise<{ items: string[]; next_cursor: string | null }> {
  fetched.push(cursor)
  const at = Number(cursor)
  return { items: [`${of.value}${at}`, `${of.value}${at + 1}`], next_cursor: at + 2 < 10 ? String(at + 2) : null }
}

describe('a list that comes page by page', () => {
  beforeEach(() => {
    vi.useFakeTimers()
    fetched = []
    of.value = 'a'
  })
  afterEach(() => void vi.useRealTimers())

  it('keeps the pages that are shown when it is loaded again', async () => {
    const scope = effectScope()
    const pages = scope.run(() => usePages(fetch, { every: 1000 }))!
    await vi.advanceTimersByTimeAsync(0)
    await pages.more.run()
    await pages.more.run()
    expect(pages.items).toEqual(['a0', 'a1', 'a2', 'a3', 'a4', 'a5'])
    fetched = []
    await vi.advanceTimersByTimeAsync(1000)
    expect(fetched).toEqual(['0', '2', '4'])
    expect(pages.items).toHaveLength(6)
    expect(pages.hasMore).toBe(true)
    scope.stop()
  })

  it('begins anew when it is about something else', async () => {
    const scope = effectScope()
    const pages = scope.run(() => usePages(fetch, { of: [of] }))!
    await vi.advanceTimersByTimeAsync(0)
    await pages.more.run()
    of.value = 'b'
    await nextTick()
    await vi.advanceTimersByTimeAsync(0)
    expect(pages.items).toEqual(['b0', 'b1'])
    scope.stop()
  })

  it('does not lose what a loading anew has brought while more was asked for', async () => {
    const scope = effectScope()
    const slow: (() => void)[] = []
    const pages = scope.run(() =>
      usePages(async (cursor) => {
        const page = await fetch(cursor)
        if (cursor === '2' && !slow.length) await new Promise<void>((resolve) => slow.push(resolve))
        return { ...page, items: page.items.map((item) => `${item} of ${fetched.length}`) }
      }),
    )!
    await vi.advanceTimersByTimeAsync(0)
    const more = pages.more.run()
    await pages.first.reload()
    slow[0]!()
    await more
    expect(pages.items).toEqual(['a0 of 4', 'a1 of 4', 'a2 of 5', 'a3 of 5'])
    scope.stop()
  })

  it('ends', async () => {
    const scope = effectScope()
    const pages = scope.run(() => usePages(fetch))!
    await vi.advanceTimersByTimeAsync(0)
    for (let n = 0; n < 9; n++) await pages.more.run()
    expect(pages.items).toHaveLength(10)
    expect(pages.hasMore).toBe(false)
    scope.stop()
  })
})
