import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { Unreachable } from './problem'

type Handler = (request: Request) => Response | Promise<Response>

const TOKENS = { access_token: 'a1', refresh_token: 'r1', expires_in: 900, token_type: 'Bearer' }
let asked: Request[] = []

/** The modules anew, as after a reload of the page, with `fetch` answered by `handler`. */
async function begin(handler: Handler) {
  asked = []
  vi.resetModules()
  vi.stubGlobal('fetch', async (input: RequestInfo | URL, init?: RequestInit) => {
    const request = new Request(new URL(String(input instanceof Request ? input.url : input), 'http://haoyuan.test'), input instanceof Request ? input : init)
    asked.push(request.clone())
    return await handler(request)
  })
  return { ...(await import('./send')), ...(await import('./session')) }
}

function json(body: unknown, status = 200, headers: Record<string, string> = {}): Response {
  return new Response(JSON.stringify(body), { status, headers: { 'Content-Type': 'application/json', ...headers } })
}

const get = () => new Request('http://haoyuan.test/api/v1/orders')
const open = () => new Request('http://haoyuan.test/api/v1/sessions?date_from=2026-11-23')
const post = () => new Request('http://haoyuan.test/api/v1/orders', { method: 'POST', body: '{"a":1}' })

describe('a request', () => {
  beforeEach(() => {
    localStorage.clear()
    vi.useFakeTimers()
  })
  afterEach(() => {
    vi.useRealTimers()
    vi.unstubAllGlobals()
  })

  it('is repeated with the same key and body while nobody answers', async () => {
    const { send } = await begin(() => (asked.length < 3 ? Promise.reject(new TypeError('no network')) : json({}, 201)))
    const answer = send(post())
    await vi.runAllTimersAsync()
    expect((await answer).status).toBe(201)
    expect(asked).toHaveLength(3)
    const keys = asked.map((request) => request.headers.get('Idempotency-Key'))
    expect(keys[0]).toMatch(/^[0-9a-f]{32}$/)
    expect(new Set(keys).size).toBe(1)
    expect(await Promise.all(asked.map((request) => request.text()))).toEqual(Array(3).fill('{"a":1}'))
  })

  it('needs nothing that older phones have not: AbortSignal.any, AbortSignal.timeout', async () => {
    for (const name of ['any', 'timeout'] as const) vi.spyOn(AbortSignal, name).mockImplementation(() => expect.fail(`AbortSignal.${name}`))
    const { send } = await begin(() => json({}, 201))
    const answer = send(post()).then((response) => response.status, String)
    await vi.runAllTimersAsync()
    expect(await answer).toBe(201)
  })

  it('has a key of its own each time', async () => {
    const { send } = await begin(() => json({}))
    await send(post())
    await send(post())
    expect(asked[0]!.headers.get('Idempotency-Key')).not.toBe(asked[1]!.headers.get('Idempotency-Key'))
  })

  it('gives up in the end, and says that no answer came', async () => {
    const { send } = await begin(() => Promise.reject(new TypeError('no network')))
    const answer = expect(send(get())).rejects.toMatchObject({ message: 'no answer' })
    await vi.runAllTimersAsync()
    await answer
    expect(asked).toHaveLength(4)
  })

  it('waits as long as the server asks, and hands on what stays 503', async () => {
    const { send } = await begin(() => json({ code: 'unavailable' }, 503, { 'Retry-After': '2' }))
    const answer = send(get())
    await vi.advanceTimersByTimeAsync(1900)
    expect(asked).toHaveLength(1)
    await vi.advanceTimersByTimeAsync(200)
    expect(asked).toHaveLength(2)
    await vi.runAllTimersAsync()
    expect((await answer).status).toBe(503)
  })

  it('does not keep anybody waiting for a minute: that is told at once', async () => {
    const { send } = await begin(() => json({ code: 'too_many_codes', retry_after: 60 }, 429, { 'Retry-After': '60' }))
    expect((await send(post())).status).toBe(429)
    expect(asked).toHaveLength(1)
  })

  it('is not repeated when it was refused', async () => {
    const { send } = await begin(() => json({ code: 'sold_out' }, 409))
    expect((await send(post())).status).toBe(409)
    expect(asked).toHaveLength(1)
  })

  it('changes a token that is no longer taken, once', async () => {
    const { send, enter } = await begin((request) => {
      if (request.url.endsWith('/refresh')) return json({ ...TOKENS, access_token: 'a2', refresh_token: 'r2' })
      if (request.url.endsWith('/me')) return json({ id: 'acc_1', roles: ['patient'] })
      return request.headers.get('Authorization') === 'Bearer a2' ? json({ items: [] }) : json({}, 401)
    })
    await enter(TOKENS as never)
    expect((await send(get())).status).toBe(200)
    expect(localStorage.getItem('haoyuan.login')).toBe('r2')
    expect(asked.filter((request) => request.url.endsWith('/refresh'))).toHaveLength(1)
  })

  it('many at once use a refresh token once', async () => {
    localStorage.setItem('haoyuan.login', 'r0')
    const { send } = await begin((request) => (request.url.endsWith('/refresh') ? json(TOKENS) : json({ items: [] })))
    await Promise.all([send(get()), send(get()), send(post())])
    expect(asked.filter((request) => request.url.endsWith('/refresh'))).toHaveLength(1)
  })

  it('goes without a token when the login has ended, and the login is forgotten', async () => {
    localStorage.setItem('haoyuan.login', 'old')
    const { send, loggedIn } = await begin((request) => (request.url.endsWith('/refresh') ? json({ code: 'unauthorized' }, 401) : json({}, 401)))
    expect((await send(get())).status).toBe(401)
    expect(loggedIn.value).toBe(false)
    expect(localStorage.getItem('haoyuan.login')).toBeNull()
  })

  it('keeps the login while nobody can be reached', async () => {
    localStorage.setItem('haoyuan.login', 'r0')
    const { send, loggedIn } = await begin(() => Promise.reject(new TypeError('no network')))
    const answer = expect(send(get())).rejects.toThrow('no answer')
    await vi.runAllTimersAsync()
    await answer
    expect(loggedIn.value).toBe(true)
    expect(new Unreachable(0).message).toBe('no answer')
  })

  describe('for what is open to everybody, while logins cannot be asked for,', () => {
    /** user-svc as `login` has it; the others answer. */
    const without = (login: Handler, others: Handler = () => json({ items: [] })) => begin((request) => (request.url.endsWith('/refresh') ? login(request) : others(request)))
    beforeEach(() => localStorage.setItem('haoyuan.login', 'r0'))

    it.each<[string, Handler]>([
      ['are silent', () => new Promise(() => undefined)],
      ['are away', () => json({ code: 'unavailable' }, 503)],
      ['cannot be reached', () => Promise.reject(new TypeError('no network'))],
    ])('goes without a token soon: they %s', async (_, login) => {
      const { send, loggedIn } = await without(login)
      const answer = send(open())
      await vi.advanceTimersByTimeAsync(1500)
      const others = asked.filter((request) => !request.url.endsWith('/refresh'))
      expect(others.map((request) => request.headers.get('Authorization'))).toEqual([null])
      expect([(await answer).status, loggedIn.value]).toEqual([200, true])
    })

    it('has one again as soon as there is one', async () => {
      let login: Handler = () => json({ code: 'unavailable' }, 503)
      const { send } = await without((request) => login(request))
      await send(open())
      login = () => json(TOKENS)
      await send(open())
      expect(asked.at(-1)!.headers.get('Authorization')).toBe('Bearer a1')
    })

    it('lets her log in anew', async () => {
      const { send } = await without(() => new Promise(() => undefined), () => json({ code: 'bad_credentials' }, 401))
      const answer = send(new Request('http://haoyuan.test/api/v1/tokens', { method: 'POST', body: '{}' }))
      await vi.advanceTimersByTimeAsync(1500)
      expect((await answer).status).toBe(401)
      expect(asked.filter((request) => request.url.endsWith('/tokens'))).toHaveLength(1)
    })

    it('and for the rest says that no answer came: it is asked for by nobody but her', async () => {
      const { send } = await without(() => json({ code: 'unavailable' }, 503))
      const answer = expect(send(get())).rejects.toThrow('no answer')
      await vi.runAllTimersAsync()
      await answer
      expect(asked.filter((request) => !request.url.endsWith('/refresh'))).toEqual([])
    })
  })

  it('that shows more to her than to others is asked as herself, though her token is slow to come', async () => {
    localStorage.setItem('haoyuan.login', 'r0')
    const slow = () => new Promise<Response>((resolve) => setTimeout(() => resolve(json(TOKENS)), 2000))
    const { send } = await begin((request) => (request.url.endsWith('/refresh') ? slow() : json({}, request.headers.has('Authorization') ? 200 : 401)))
    const answer = send(new Request('http://haoyuan.test/api/v1/sessions/ses_1/chance?order_id=ord_1'))
    await vi.runAllTimersAsync()
    expect((await answer).status).toBe(200)
  })
})
