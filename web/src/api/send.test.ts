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
const remove = () => new Request('http://haoyuan.test/api/v1/users/me/logins/log_1', { method: 'DELETE' })
const post = () => new Request('http://haoyuan.test/api/v1/orders', { method: 'POST', body: '{"a":1}' })

beforeEach(() => {
  localStorage.clear()
  vi.useFakeTimers({ now: 1_800_000_000_000 })
})
afterEach(() => {
  vi.useRealTimers()
  vi.unstubAllGlobals()
})

describe('a request', () => {
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

  it('is not repeated when nobody waits for it any more', async () => {
    const leaving = new AbortController()
    const { send } = await begin(() => {
      leaving.abort()
      return Promise.reject(new TypeError('no network'))
    })
    const ended = vi.fn()
    send(new Request(get(), { signal: leaving.signal })).catch(ended)
    await vi.advanceTimersByTimeAsync(10)
    expect(ended).toHaveBeenCalledWith(expect.objectContaining({ message: 'no answer' }))
    expect(asked).toHaveLength(1)
  })

  it.each<[string, Handler]>([
    ['was lost', () => Promise.reject(new TypeError('no network'))],
    ['was none of the service’s', () => json({}, 504)],
  ])('that deletes, and whose first answer %s, has done so if nothing is there any more', async (_, first) => {
    const { send } = await begin((request) => (asked.length < 2 ? first(request) : json({ code: 'login_not_found' }, 404)))
    const answer = send(remove())
    await vi.runAllTimersAsync()
    expect((await answer).status).toBe(204)
    expect(asked).toHaveLength(2)
  })

  it.each<[string, Handler]>([
    ['at once', () => json({ code: 'login_not_found' }, 404)],
    ['after it had been told to wait', () => (asked.length < 2 ? json({}, 429) : json({ code: 'login_not_found' }, 404))],
  ])('that deletes what was not there is told so: %s', async (_, handler) => {
    const { send } = await begin(handler)
    const answer = send(remove())
    await vi.runAllTimersAsync()
    expect((await answer).status).toBe(404)
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

  it.each(['bad_credentials', 'account_deleted'])('is refused for what it says, not for its token: %s is asked once', async (code) => {
    localStorage.setItem('haoyuan.login', 'r0')
    const { send } = await begin((request) => (request.url.endsWith('/refresh') ? json(TOKENS) : json({ code }, 401)))
    const answer = await send(post())
    expect([answer.status, ((await answer.json()) as { code: string }).code]).toEqual([401, code])
    expect(asked.filter((request) => request.url.endsWith('/orders'))).toHaveLength(1)
  })

  it.each(['tokens', 'tokens/code', 'codes'])('that says itself who asks goes without a token, once: /%s', async (path) => {
    localStorage.setItem('haoyuan.login', 'r0')
    const { send } = await begin((request) => (request.url.endsWith('/refresh') ? json(TOKENS) : json({}, 401)))
    const answer = await send(new Request(`http://haoyuan.test/api/v1/${path}`, { method: 'POST', body: '{}' }))
    expect(answer.status).toBe(401)
    expect(asked.map((request) => [new URL(request.url).pathname, request.headers.get('Authorization')])).toEqual([[`/api/v1/${path}`, null]])
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

describe('an answer', () => {
  const begun: AbortSignal[] = []
  /** Its head comes after `head` milliseconds, its body after `body` more; both end with the connection. */
  async function slow(head: number, body: number) {
    vi.resetModules()
    begun.length = 0
    vi.stubGlobal('fetch', async (_: Request, { signal }: { signal: AbortSignal }) => {
      begun.push(signal)
      const cut = new Promise<never>((_resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason)))
      cut.catch(() => undefined)
      const after = (milliseconds: number) => Promise.race([cut, new Promise((resolve) => setTimeout(resolve, milliseconds))])
      await after(head)
      return new Response(
        new ReadableStream({
          async start(controller) {
            await after(body).then(
              () => (controller.enqueue(new TextEncoder().encode('1,2,3')), controller.close()),
              (reason: unknown) => controller.error(reason),
            )
          },
        }),
      )
    })
    return (await import('./send')).send
  }
  const read = (answer: Promise<Response>) => answer.then((response) => response.text()).catch(String)
  it('that has begun may take its time', async () => {
    const send = await slow(15_000, 60_000)
    const whole = read(send(get()))
    await vi.advanceTimersByTimeAsync(80_000)
    expect(await whole).toBe('1,2,3')
  })

  it('that has begun does not last for ever', async () => {
    const send = await slow(0, 10 * 60_000)
    const whole = read(send(get()))
    await vi.advanceTimersByTimeAsync(3 * 60_000)
    expect(await whole).toContain('TimeoutError')
  })

  it('that has begun ends when nobody waits for it any more', async () => {
    const send = await slow(0, 60_000)
    const leaving = new AbortController()
    const whole = read(send(new Request(get(), { signal: leaving.signal })))
    await vi.advanceTimersByTimeAsync(30_000)
    leaving.abort()
    expect(await whole).toContain('AbortError')
  })

  it('to much that is sent may begin later than one to little', async () => {
    const send = await slow(60_000, 0)
    const upload = (size: number) => read(send(new Request('http://haoyuan.test/api/v1/rosters', { method: 'POST', body: 'x'.repeat(size) })))
    const much = upload(10_000_000)
    await vi.advanceTimersByTimeAsync(61_000)
    expect([await much, begun.length]).toEqual(['1,2,3', 1])
    void upload(1000)
    await vi.advanceTimersByTimeAsync(30_000)
    expect(begun).toHaveLength(3)
  })
})

describe('the clock', () => {
  const HOUR = 3_600_000
  /** What the server's clock is ahead of ours after an answer that is dated `old` milliseconds ago. */
  async function ahead(old: number, control: string): Promise<number> {
    const { send } = await begin(() => json({}, 200, { Date: new Date(Date.now() - old).toUTCString(), 'Cache-Control': control }))
    await send(open())
    return (await import('./clock')).serverNow() - Date.now()
  }
  it('learns nothing from what the browser may have kept for long', async () => {
    expect(await ahead(3_000_000, 'public, max-age=3600')).toBe(0)
  })

  it('learns from what is of now', async () => {
    expect(Math.abs((await ahead(HOUR, 'no-store')) + HOUR)).toBeLessThanOrEqual(1000)
  })

  it('learns all that there is from what the browser was told not to keep', async () => {
    const written = Math.floor(Date.now() / 1000) * 1000 - HOUR
    const { send } = await begin(() => json({}, 200, { Date: new Date(written).toUTCString(), 'Cache-Control': 'public, max-age=1' }))
    await send(Object.defineProperty(open(), 'cache', { value: 'no-store' }))
    expect((await import('./clock')).serverNow() - Date.now()).toBe(500 - HOUR)
  })

  it('learns from what may be a second old that it may be', async () => {
    const { send } = await begin(() => json({}, 200, { Date: new Date(Date.now() - HOUR - 2000).toUTCString(), 'Cache-Control': 'public, max-age=1' }))
    await send(open())
    const { learn, serverNow } = await import('./clock')
    learn(Date.now(), Date.now(), new Date(Date.now() - HOUR).toUTCString()) // both are true of a server an hour behind
    expect(serverNow() - Date.now()).toBe(-HOUR)
  })
})
