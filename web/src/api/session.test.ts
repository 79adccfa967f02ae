import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'

/** An access token that says whose it is. */
const tokenOf = (id: string) => `head.${btoa(JSON.stringify({ sub: id }))}.sign`
const tokens = (id: string, refresh: string) => ({ access_token: tokenOf(id), refresh_token: refresh, expires_in: 900, token_type: 'Bearer' as const })
const json = (body: unknown, status = 200) => new Response(JSON.stringify(body), { status })
const page = () => new Response('<html>Welcome to the hotel</html>')
type Answer = () => Response | Promise<Response>
const reload = vi.fn()
let leftovers: (() => void)[] = []

/** The module as a tab has it after loading, with the service's answers. */
async function tab(refresh: Answer, me: Answer = () => json({ id: 'acc_1', roles: ['patient'] })) {
  vi.resetModules()
  vi.stubGlobal('fetch', async (url: string) => (url.endsWith('/refresh') ? await refresh() : await me()))
  return await import('./session')
}

/** What another tab does. */
function elsewhere(id: string, refresh: string): void {
  localStorage.setItem('haoyuan.account', id)
  localStorage.setItem('haoyuan.login', refresh)
  window.dispatchEvent(new StorageEvent('storage', { key: 'haoyuan.login', newValue: refresh }))
}

beforeEach(() => {
  localStorage.clear()
  vi.useFakeTimers()
  reload.mockClear()
  vi.spyOn(window.location, 'reload').mockImplementation(reload)
  const add = window.addEventListener.bind(window)
  vi.spyOn(window, 'addEventListener').mockImplementation((name: string, listener: EventListenerOrEventListenerObject) => {
    add(name, listener)
    leftovers.push(() => window.removeEventListener(name, listener))
  })
})
afterEach(() => {
  leftovers.forEach((end) => end())
  leftovers = []
  vi.useRealTimers()
  vi.unstubAllGlobals()
})

describe('two tabs', () => {
  it('another account in the other one: what is shown here is loaded anew, nothing is done as the one before', async () => {
    const { enter, account } = await tab(() => json({}))
    await enter(tokens('acc_1', 'r1'))
    elsewhere('acc_2', 'r2')
    expect(reload).toHaveBeenCalledTimes(1)
    expect(account.value).toBeNull()
  })

  it('a newer token of the same account changes nothing', async () => {
    const { enter, account, bearer } = await tab(() => json({}))
    await enter(tokens('acc_1', 'r1'))
    elsewhere('acc_1', 'r2')
    expect([reload.mock.calls.length, account.value?.id, await bearer()]).toEqual([0, 'acc_1', tokenOf('acc_1')])
  })

  it('another account, of which no news has come yet, shows in its token', async () => {
    const { enter, bearer, distrust } = await tab(() => json(tokens('acc_2', 'r3')))
    await enter(tokens('acc_1', 'r1'))
    localStorage.setItem('haoyuan.login', 'r2')
    distrust(tokenOf('acc_1'))
    await expect(bearer()).rejects.toThrow('no answer')
    expect([reload.mock.calls.length, localStorage.getItem('haoyuan.login')]).toEqual([1, 'r3'])
  })
})

describe('a refresh', () => {
  it.each([
    ['answered', () => json(tokens('acc_1', 'r1'))],
    ['refused', () => json({ code: 'unauthorized' }, 401)],
  ])('that is %s after another login has come leaves that one alone', async (_how, answer) => {
    localStorage.setItem('haoyuan.login', 'r0')
    const { bearer } = await tab(() => {
      localStorage.setItem('haoyuan.login', 'newer')
      return answer()
    })
    await bearer().catch(() => undefined)
    expect(localStorage.getItem('haoyuan.login')).toBe('newer')
  })

  it('that is never answered ends, and the next one may come', async () => {
    localStorage.setItem('haoyuan.login', 'r0')
    let answer: Answer = () => new Promise(() => undefined)
    const { bearer } = await tab(() => answer())
    const first = expect(bearer()).rejects.toThrow('no answer')
    await vi.advanceTimersByTimeAsync(10_000)
    await first
    answer = () => json(tokens('acc_1', 'r1'))
    expect(await bearer()).toBe(tokenOf('acc_1'))
  })

  it('does not wait for ever for a tab that hangs', async () => {
    localStorage.setItem('haoyuan.login', 'r0')
    const request = (_: string, { signal }: { signal: AbortSignal }) =>
      new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason)))
    vi.stubGlobal('navigator', { ...navigator, language: 'zh-CN', locks: { request } })
    const { bearer } = await tab(() => json(tokens('acc_1', 'r1')))
    const asked = expect(bearer()).rejects.toThrow('no answer')
    await vi.advanceTimersByTimeAsync(30_000)
    await asked
  })

  it.each([
    ['a page', page],
    ['something else', () => json({ ok: true })],
    ['a refusal by who is not the service', () => new Response('<html>Log in to the network</html>', { status: 401 })],
  ])('answered by %s keeps the login', async (_, answer) => {
    localStorage.setItem('haoyuan.login', 'r0')
    const { bearer, loggedIn } = await tab(answer)
    await expect(bearer()).rejects.toThrow('no answer')
    expect([loggedIn.value, localStorage.getItem('haoyuan.login')]).toEqual([true, 'r0'])
  })
})

it.each([page, () => json({ ok: true })])('an account that is none is no account', async (me) => {
  localStorage.setItem('haoyuan.login', 'r0')
  const { known, account } = await tab(() => json(tokens('acc_1', 'r1')), me)
  await expect(known()).rejects.toThrow('no answer')
  expect(account.value).toBeNull()
})
