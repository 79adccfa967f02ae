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

async function open(router: Router, path: string): Promise<void> {
  await router.push(path).catch(() => undefined)
  await flushPromises()
}

describe('a page whose part is gone', () => {
  beforeEach(() => {
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
    const online = async () => {
      dispatchEvent(new Event('online'))
      await flushPromises()
    }
    await online()
    expect(load).not.toHaveBeenCalled()
    vi.stubGlobal('fetch', async () => new Response(''))
    await online()
    expect(load.mock.calls).toEqual([['/lost?a=1']])
    await open(router, '/')
    await online()
    expect(load).toHaveBeenCalledTimes(1)
  })

  it('is not loaded by itself over a page that somebody is on', async () => {
    const router = made()
    await open(router, '/')
    vi.stubGlobal('fetch', () => Promise.reject(new TypeError('no network')))
    await open(router, '/lost')
    vi.stubGlobal('fetch', async () => new Response(''))
    dispatchEvent(new Event('online'))
    await flushPromises()
    expect([unopened.value, load.mock.calls]).toEqual(['/lost', []])
  })

  it('is another matter than a fault of the page', async () => {
    await open(made(), '/wrong')
    expect(load).not.toHaveBeenCalled()
    expect([unopened.value, broken.value]).toEqual(['', true])
  })
})
