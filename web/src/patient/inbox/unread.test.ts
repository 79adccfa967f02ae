import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'

/** The module anew, with an inbox that answers so many unread messages, or not at all. */
async function begin(login: boolean, answer: () => Response | Promise<Response>, roles = ['patient']) {
  vi.resetModules()
  localStorage.clear()
  if (login) localStorage.setItem('haoyuan.login', 'r0')
  vi.stubGlobal('fetch', async (input: Request | string) => {
    const url = typeof input === 'string' ? input : input.url
    if (url.endsWith('/refresh')) return json({ access_token: 'a', refresh_token: 'r1', expires_in: 900, token_type: 'Bearer' })
    return url.endsWith('/users/me') ? json({ id: 'acc_1', roles }) : await answer()
  })
  return await import('./unread')
}

const json = (body: unknown, status = 200) => new Response(JSON.stringify(body), { status, headers: { 'Content-Type': 'application/json' } })
const inbox = (n: number) => () => json({ items: Array.from({ length: n }, (_, i) => ({ id: String(i) })), next_cursor: null })

describe('what is unread', () => {
  beforeEach(() => void vi.useFakeTimers())
  afterEach(() => {
    vi.useRealTimers()
    vi.unstubAllGlobals()
  })

  it('is counted for who is logged in', async () => {
    const { countUnread, unread } = await begin(true, inbox(3))
    await countUnread()
    expect(unread.value).toBe(3)
  })

  it('is nothing for strangers, and nobody is asked', async () => {
    const asked = vi.fn(inbox(3))
    const { countUnread, unread } = await begin(false, asked)
    unread.value = 5
    await countUnread()
    expect([unread.value, asked.mock.calls.length]).toEqual([0, 0])
  })

  it('is nothing for a screen on a wall, which has no inbox', async () => {
    const asked = vi.fn(inbox(3))
    const { countUnread, unread } = await begin(true, asked, ['board'])
    await countUnread()
    expect([unread.value, asked.mock.calls.length]).toEqual([0, 0])
  })

  it('stays as it was while nobody answers', async () => {
    const { countUnread, unread } = await begin(true, () => Promise.reject(new TypeError('no network')))
    unread.value = 7
    const counted = countUnread()
    await vi.runAllTimersAsync()
    await counted
    expect(unread.value).toBe(7)
  })
})
