import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'

const denied = () => {
  throw new DOMException('denied', 'SecurityError')
}

describe('what a browser keeps', () => {
  beforeEach(() => {
    vi.resetModules()
    localStorage.clear()
  })
  afterEach(() => vi.restoreAllMocks())

  it('is there after a reload', async () => {
    ;(await import('./storage')).local.setItem('a', '1')
    vi.resetModules()
    expect((await import('./storage')).local.getItem('a')).toBe('1')
  })

  it('is remembered by the page where it may keep nothing', async () => {
    vi.spyOn(window, 'localStorage', 'get').mockImplementation(denied)
    const { local } = await import('./storage')
    expect(local.getItem('a')).toBeNull()
    local.setItem('a', '1')
    expect(local.getItem('a')).toBe('1')
    local.removeItem('a')
    expect(local.getItem('a')).toBeNull()
  })

  it('is the newest where there is no more room', async () => {
    const { local } = await import('./storage')
    local.setItem('a', 'old')
    vi.spyOn(Storage.prototype, 'setItem').mockImplementation(denied)
    local.setItem('a', 'new')
    expect(local.getItem('a')).toBe('new')
  })

  it('is needed by nothing that every page loads', async () => {
    vi.spyOn(window, 'localStorage', 'get').mockImplementation(denied)
    vi.spyOn(window, 'sessionStorage', 'get').mockImplementation(denied)
    const { loggedIn } = await import('@/api')
    const { isChosen, preferences } = await import('./preferences')
    preferences.large = true
    expect([loggedIn.value, isChosen()]).toEqual([false, true])
    await Promise.all([import('@/router'), import('@/staff/hospital')])
  })

  it('is asked for nowhere else', () => {
    const sources = import.meta.glob<string>(['../**/*.vue', '../**/*.ts', '!../**/*.test.ts', '!../api/generated/*', '!./storage.ts'], { eager: true, query: '?raw', import: 'default' })
    expect(Object.entries(sources).filter(([, text]) => /\b(local|session)Storage\.|= localStorage/.test(text)).map(([file]) => file)).toEqual([])
  })
})
