import { flushPromises } from '@vue/test-utils'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { opensOffline } from './offline'

const HERE = location.origin
const worker = Object.assign(new EventTarget(), { controller: null as object | null, register: vi.fn(async () => undefined) })
const kept = new Map<string, string>()
let asked: [string, RequestInit | undefined][] = []
let status = 200

describe('the frame of the pages', () => {
  beforeEach(() => {
    worker.controller = null
    kept.clear()
    asked = []
    status = 200
    Object.defineProperty(navigator, 'serviceWorker', { configurable: true, value: worker })
    vi.stubGlobal('caches', { open: async (cache: string) => ({ put: async (key: string, answer: Response) => void kept.set(`${cache} ${key}`, await answer.text()) }) })
    vi.stubGlobal('fetch', async (url: string, init?: RequestInit) => {
      asked.push([url, init])
      return new Response('the frame', { status })
    })
    vi.spyOn(performance, 'getEntriesByType').mockImplementation((type) => {
      const names = type === 'navigation' ? [`${HERE}/orders/1`] : [`${HERE}/assets/frame-1.js`, `${HERE}/assets/frame-1.css`, `${HERE}/api/v1/hospitals`, `${HERE}/icon.svg`, 'https://elsewhere.test/assets/x.js']
      return names.map((name) => ({ name })) as PerformanceEntryList
    })
  })
  afterEach(() => {
    vi.unstubAllGlobals()
    Reflect.deleteProperty(navigator, 'serviceWorker')
  })

  it('is kept after a first visit, as it came, and its parts go through the worker, once that is there', async () => {
    const done = opensOffline()
    await flushPromises()
    expect(asked).toEqual([])
    worker.dispatchEvent(new Event('controllerchange'))
    await done
    expect(asked.map(([url]) => url)).toEqual([`${HERE}/orders/1`, `${HERE}/assets/frame-1.js`, `${HERE}/assets/frame-1.css`])
    expect(asked[0]![1]?.cache).toBe('force-cache')
    expect([...kept]).toEqual([['frame /index.html', 'the frame']])
  })

  it('is left to the worker on later visits', async () => {
    worker.controller = {}
    await opensOffline()
    expect([worker.register.mock.calls.length, asked]).toEqual([1, []])
  })

  it('is never a page that says that there is none', async () => {
    status = 503
    const done = opensOffline()
    await flushPromises()
    worker.dispatchEvent(new Event('controllerchange'))
    await done
    expect(kept.size).toBe(0)
  })

  it('comes by the network where there are no workers', async () => {
    Reflect.deleteProperty(navigator, 'serviceWorker')
    await opensOffline()
    expect(asked).toEqual([])
  })
})
