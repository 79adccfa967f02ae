/**
 * One request, as all of them are sent: with the token, the language and, for a POST, an Idempotency-Key; again after a while
 * if no answer comes. Repeating is safe because every POST of ours honours the key, and GET, PATCH, DELETE may be repeated anyway.
 */

import { learn } from './clock'
import { OPEN } from './generated/open'
import { Problem, Unreachable } from './problem'
import { bearer, distrust, loggedIn } from './session'
import { unless, within } from './signals'

const PAUSES = [400, 1200, 3000] // milliseconds before the second, third and fourth try
const AWAY = new Set([429, 502, 503, 504])
const LONGEST = 10_000 // milliseconds that we wait because a Retry-After says so; who has to wait longer is told at once
const PATIENCE = 20_000 // milliseconds until an answer must have begun
const SOON = 1000 // milliseconds that what is open to everybody waits for a token: who is logged in is shown things as they are now

let language = 'zh-CN'

/** In which language the services answer from now on. */
export function speak(locale: string): void {
  language = locale
}

/** The `fetch` of the generated client. Raises Unreachable when all tries were in vain. */
export async function send(request: Request): Promise<Response> {
  request.headers.set('Accept-Language', language)
  if (request.method === 'POST' && !request.headers.has('Idempotency-Key'))
    request.headers.set('Idempotency-Key', newKey())
  let herself = !OPEN.test(`${request.method} ${new URL(request.url).pathname}`)
  let renewed = false
  for (let tries = 0; ; tries++) {
    const last = tries >= PAUSES.length
    const answer = await attempt(request, herself).catch((error: unknown) => {
      if (last || request.signal.aborted || !(error instanceof Unreachable)) throw error
      return null
    })
    if (answer?.response.status === 401 && answer.token && !renewed) {
      renewed = true
      distrust(answer.token)
    } else if (answer?.response.status === 401 && !answer.token && !herself && request.method === 'GET' && loggedIn.value) {
      herself = true // some of it shows more to whom it concerns
    } else if (answer && (last || !AWAY.has(answer.response.status) || told(answer.response) > LONGEST)) return answer.response
    else await pause(PAUSES[tries]!, answer?.response, request.signal)
  }
}

/** herself: it needs a login, if there is one. The rest goes without where none can be had: logins may be away, and numbers are not. */
async function attempt(request: Request, herself: boolean): Promise<{ response: Response; token: string }> {
  const signal = within(PATIENCE, request.signal)
  try {
    const token = herself ? await unless(signal, bearer()) : await unless(within(SOON, signal), bearer()).catch(() => '')
    const again = request.clone()
    if (token) again.headers.set('Authorization', `Bearer ${token}`)
    const sent = Date.now()
    const response = await fetch(again, { signal })
    learn(sent, Date.now(), response.headers.get('Date'))
    return { response, token }
  } catch (cause) {
    if (cause instanceof Problem || cause instanceof Unreachable) throw cause
    throw new Unreachable(cause)
  }
}

/** Milliseconds that the server asks us to wait. */
function told(response: Response | undefined): number {
  return Number(response?.headers.get('Retry-After')) * 1000 || 0
}

function pause(milliseconds: number, response: Response | undefined, signal: AbortSignal): Promise<void> {
  const longest = Math.max(milliseconds, told(response))
  return new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, longest)
    signal.addEventListener('abort', () => {
      clearTimeout(timer)
      reject(new Unreachable(signal.reason))
    })
  })
}

/** A key that nobody else has made (randomUUID exists in secure contexts only). */
export function newKey(): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, '0')).join('')
}
