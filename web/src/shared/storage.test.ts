import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'

const denied = () => {
  throw new DOMException('denied', 'SecurityError')
}

/** What is there can be read and removed, and nothing more be kept. */
function fill(): { mockRestore: () => void } {
  const kept = localStorage
  const full = { getItem: (key: string) => kept.getItem(key), removeItem: (key: string) => kept.removeItem(key), setItem: denied }
  return vi.spyOn(window, 'localStorage', 'get').mockReturnValue(full as unknown as Storage)
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
    const full = fill()
    local.setItem('a', 'new')
    expect(local.getItem('a')).toBe('new')
    full.mockRestore()
    expect(localStorage.getItem('a'), 'another tab must not take the old one for the newest').toBeNull()
  })

  it.each(['a', null])('is what another tab has kept since, or thrown away (%s)', async (key) => {
    const { local } = await import('./storage')
    const full = fill()
    local.setItem('a', 'here')
    full.mockRestore()
    if (key) localStorage.setItem(key, 'there')
    window.dispatchEvent(new StorageEvent('storage', { key }))
    expect(local.getItem('a')).toBe(key && 'there')
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
