import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'

/** An access token that says whose it is. */
const tokenOf = (id: string) => `head.${btoa(JSON.stringify({ sub: id }))}.sign`
const tokens = (id: string, refresh: string) => ({ access_token: tokenOf(id), refresh_token: refresh, expires_in: 900, token_type: 'Bearer' as const })
const json = (body: unknown, status = 200) => new Response(JSON.stringify(body), { status })
const page = () => new Response('<html>Welcome to the hotel</html>')
type Answer = () => Response | Promise<Response>
const reload = vi.fn()
let leftovers: (() => void)[] = []
let asked: string[] = []

/** The module as a tab has it after loading, with the service's answers. */
async function tab(refresh: Answer, me: Answer = () => json({ id: 'acc_1', roles: ['patient'] })) {
  vi.resetModules()
  asked = []
  vi.stubGlobal('fetch', async (url: string, init: RequestInit) => {
    asked.push(`${url.slice(url.lastIndexOf('/') + 1)} ${String(init.body ?? '')}`.trim())
    return url.endsWith('/refresh') ? await refresh() : url.endsWith('/logout') ? new Response(null, { status: 204 }) : await me()
  })
  return await import('./session')
}

/** What another tab does. */
function elsewhere(id: string, refresh: string): void {
  localStorage.setItem('haoyuan.account', id)
  localStorage.setItem('haoyuan.login', refresh)
  window.dispatchEvent(new StorageEvent('storage', { key: 'haoyuan.login', newValue: refresh }))
}

/** Another tab logs out, or all that is kept here is thrown away. */
function outElsewhere(all: boolean): void {
  if (all) localStorage.clear()
  else localStorage.removeItem('haoyuan.login')
  window.dispatchEvent(new StorageEvent('storage', { key: all ? null : 'haoyuan.login', newValue: null }))
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

  it.each([
    ['a logout', false],
    ['a clearing of what is kept', true],
  ])('%s in the other one: nothing of hers is left here', async (_, all) => {
    const { enter, account, loggedIn, bearer } = await tab(() => json(tokens('acc_1', 'r2')))
    await enter(tokens('acc_1', 'r1'))
    outElsewhere(all)
    expect([reload.mock.calls.length, account.value, loggedIn.value, await bearer()]).toEqual([1, null, false, ''])
  })

  it.each([false, true])('where nobody was logged in, that changes nothing', async (all) => {
    await tab(() => json({}))
    outElsewhere(all)
    expect(reload).not.toHaveBeenCalled()
  })

  it('news of a logout that came before the login here does not end it', async () => {
    const { enter, loggedIn } = await tab(() => json({}))
    await enter(tokens('acc_1', 'r1'))
    window.dispatchEvent(new StorageEvent('storage', { key: 'haoyuan.login', newValue: null }))
    expect([reload.mock.calls.length, loggedIn.value]).toEqual([0, true])
  })

  it('a login in the other one counts, though the one here could not be kept', async () => {
    const { enter, bearer, distrust } = await tab(() => json(tokens('acc_1', 'r3')))
    const full = vi.spyOn(window, 'localStorage', 'get').mockImplementation(() => {
      throw new DOMException('denied', 'SecurityError')
    })
    await enter(tokens('acc_1', 'r1'))
    full.mockRestore()
    elsewhere('acc_1', 'r2')
    distrust(tokenOf('acc_1'))
    await bearer()
    expect(asked.at(-1)).toContain('r2')
  })

  it('another login that comes before the account does: it is not taken for that of the page', async () => {
    let answer = (_: Response) => {}
    const { enter, account } = await tab(() => json({}), () => new Promise((resolve) => (answer = resolve)))
    const first = enter(tokens('acc_1', 'r1'))
    await vi.advanceTimersByTimeAsync(0)
    elsewhere('acc_2', 'r2')
    answer(json({ id: 'acc_1', roles: ['patient'] }))
    await first
    expect(account.value).toBeNull()
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

  it.each([400, 403, 404, 409, 429, 500])('refused by %i keeps the login: nothing is reached now', async (status) => {
    localStorage.setItem('haoyuan.login', 'r0')
    const { bearer, loggedIn } = await tab(() => json({ code: 'x' }, status))
    await expect(bearer()).rejects.toThrow('no answer')
    expect([loggedIn.value, localStorage.getItem('haoyuan.login')]).toEqual([true, 'r0'])
  })

  it.each([401, 422])('refused by %i, for good, ends the login', async (status) => {
    localStorage.setItem('haoyuan.login', 'r0')
    const { bearer, loggedIn } = await tab(() => json({ code: 'x' }, status))
    expect([await bearer(), loggedIn.value, localStorage.getItem('haoyuan.login')]).toEqual(['', false, null])
  })

  it('asked to come again later does not come before', async () => {
    localStorage.setItem('haoyuan.login', 'r0')
    let answer: Answer = () => new Response('{}', { status: 429, headers: { 'Retry-After': '3' } })
    const { bearer } = await tab(() => answer())
    await expect(bearer()).rejects.toThrow('no answer')
    answer = () => json(tokens('acc_1', 'r1'))
    await vi.advanceTimersByTimeAsync(2900)
    await expect(bearer()).rejects.toThrow('no answer')
    expect(asked).toHaveLength(1)
    await vi.advanceTimersByTimeAsync(200)
    expect(await bearer()).toBe(tokenOf('acc_1'))
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

it('a login is one, though whose it is cannot be asked for now', async () => {
  let me: Answer = () => json({ code: 'too_many_requests' }, 429)
  const { enter, known, loggedIn } = await tab(() => json({}), () => me())
  expect([await enter(tokens('acc_1', 'r1')), loggedIn.value]).toEqual([null, true])
  me = () => json({ id: 'acc_1', roles: ['patient'] })
  expect((await known())?.id).toBe('acc_1')
})

it('a logout is told to the server, with the token that ends', async () => {
  const { enter, leave, account, loggedIn } = await tab(() => json({}))
  await enter(tokens('acc_1', 'r1'))
  await leave()
  expect(asked.at(-1)).toBe('logout {"refresh_token":"r1"}')
  expect([account.value, loggedIn.value, localStorage.getItem('haoyuan.login')]).toEqual([null, false, null])
})
