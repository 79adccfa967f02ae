import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { flushPromises } from '@vue/test-utils'
import { createMemoryHistory, createRouter, type Router } from 'vue-router'
import { broken } from './broken'
import { survive, unopened } from './upgrade'

const load = vi.fn()
let listening: Parameters<typeof addEventListener>[] = []
const listen = addEventListener
const gone = new TypeError('Failed to fetch dynamically imported module')

/** As Vite does it: the event first, then the error. */
function lost(): Promise<never> {
  dispatchEvent(Object.assign(new Event('vite:preloadError'), { payload: gone }))
  return Promise.reject(gone)
}

function made(): Router {
  const page = { render: () => null }
  const router = createRouter({
    history: createMemoryHistory(),
    routes: [
      { path: '/', component: page },
      { path: '/lost', component: lost },
      { path: '/wrong', component: () => Promise.reject(new Error('a fault of our own')) },
    ],
  })
  survive(router, load)
  return router
}

/** The browser says so, and some time goes by. */
async function online(ms: number): Promise<void> {
  dispatchEvent(new Event('online'))
  await vi.advanceTimersByTimeAsync(ms)
}

async function open(router: Router, path: string): Promise<void> {
  await router.push(path).catch(() => undefined)
  await flushPromises()
}

describe('a page whose part is gone', () => {
  beforeEach(() => {
    vi.useFakeTimers()
    vi.stubGlobal('fetch', async () => new Response(''))
    listening = []
    vi.stubGlobal('addEventListener', (...how: (typeof listening)[0]) => {
      listening.push(how)
      listen(...how)
    })
    vi.spyOn(console, 'warn').mockImplementation(() => undefined)
    vi.spyOn(console, 'error').mockImplementation(() => undefined)
    sessionStorage.clear()
    load.mockClear()
    unopened.value = ''
  })
  afterEach(() => {
    for (const how of listening) removeEventListener(...how) // the tab is closed
    vi.useRealTimers()
    vi.unstubAllGlobals()
    vi.restoreAllMocks()
  })

  it('is loaded in full, where one wanted to go; the second time it says so', async () => {
    const router = made()
    await open(router, '/')
    await open(router, '/lost?a=1#b')
    expect(load.mock.calls).toEqual([['/lost?a=1#b']])
    expect(unopened.value).toBe('')
    await open(made(), '/lost')
    expect(load).toHaveBeenCalledTimes(1)
    expect(unopened.value).toBe('/lost')
  })

  it('is loaded again when the last time is long ago', async () => {
    sessionStorage.setItem('haoyuan.upgrade', String(Date.now() - 3_600_000))
    await open(made(), '/lost')
    expect(load).toHaveBeenCalledTimes(1)
  })

  it('says so at once in a browser that keeps nothing, lest it be loaded for ever', async () => {
    vi.spyOn(window, 'sessionStorage', 'get').mockImplementation(() => {
      throw new DOMException('denied', 'SecurityError')
    })
    await open(made(), '/lost')
    expect(load).not.toHaveBeenCalled()
    expect(unopened.value).toBe('/lost')
  })

  it('without a network says so, and one stays', async () => {
    vi.stubGlobal('fetch', () => Promise.reject(new TypeError('no network')))
    const router = made()
    await open(router, '/lost')
    expect(load).not.toHaveBeenCalled()
    expect(unopened.value).toBe('/lost')
    await open(router, '/')
    expect(unopened.value).toBe('')
  })

  it('is loaded by itself where there is no page yet, once there is a network that leads anywhere', async () => {
    vi.stubGlobal('fetch', () => Promise.reject(new TypeError('no network')))
    const router = made()
    await open(router, '/lost?a=1')
    await online(10_000)
    expect(load).not.toHaveBeenCalled()
    vi.stubGlobal('fetch', async () => new Response(''))
    await online(10_000)
    expect(load.mock.calls).toEqual([['/lost?a=1']])
    await open(router, '/')
    await online(10_000)
    expect(load).toHaveBeenCalledTimes(1)
  })

  it('is tried some more times once online: names and routes may come later', async () => {
    vi.stubGlobal('fetch', () => Promise.reject(new TypeError('no network')))
    const router = made()
    await open(router, '/lost')
    const names = vi.fn(() => Promise.reject(new TypeError('no names yet')))
    vi.stubGlobal('fetch', names)
    const asked: number[] = []
    for (const ms of [0, 999, 1, 1999, 1, 4999, 1, 60_000]) {
      await (asked.length ? vi.advanceTimersByTimeAsync(ms) : online(ms))
      asked.push(names.mock.calls.length)
    }
    expect(asked).toEqual([1, 1, 2, 2, 3, 3, 4, 4]) // after 0, 1, 3 and 8 s
    await online(500)
    await online(0) // a network that comes and goes: the newest counts
    vi.stubGlobal('fetch', async () => new Response(''))
    await vi.advanceTimersByTimeAsync(10_000)
    expect(load.mock.calls).toEqual([['/lost']])
    load.mockClear()
    vi.stubGlobal('fetch', names)
    await online(2_000)
    await open(router, '/')
    names.mockClear()
    await vi.advanceTimersByTimeAsync(10_000)
    expect([names.mock.calls, load.mock.calls]).toEqual([[], []]) // by hand she got somewhere meanwhile
  })

  it('is not loaded by itself over a page that somebody is on', async () => {
    const router = made()
    await open(router, '/')
    vi.stubGlobal('fetch', () => Promise.reject(new TypeError('no network')))
    await open(router, '/lost')
    vi.stubGlobal('fetch', async () => new Response(''))
    await online(10_000)
    expect([unopened.value, load.mock.calls]).toEqual(['/lost', []])
  })

  it('is another matter than a fault of the page', async () => {
    await open(made(), '/wrong')
    expect(load).not.toHaveBeenCalled()
    expect([unopened.value, broken.value]).toEqual(['', true])
  })
})
