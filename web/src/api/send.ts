/**
 * One request, as all of them are sent: with the token, the language and, for a POST, an Idempotency-Key; again after a while
 * if no answer comes. Repeating is safe because every POST of ours honours the key, GET and PATCH may be repeated anyway, and a
 * DELETE that finds nothing, since one before it had no answer, has done what it was to do.
 */

import { learn } from './clock'
import { OPEN } from './generated/open'
import { OTHER_401, Problem, Unreachable } from './problem'
import { bearer, distrust, loggedIn } from './session'
import { unless, waiting, within } from './signals'

const PAUSES = [400, 1200, 3000] // milliseconds before the second, third and fourth try
const AWAY = new Set([429, 502, 503, 504])
const LONGEST = 10_000 // milliseconds that we wait because a Retry-After says so; who has to wait longer is told at once
const PATIENCE = 20_000 // milliseconds until an answer must have begun,
const UPLOAD = 150 // and one more for so many bytes that are sent: 16 MB may take as long as the gateway gives them
const WHOLE = 120_000 // milliseconds that it may take from then on: a year's ledger on a slow network
const KEPT = 1000 // milliseconds: the clock learns nothing from what a browser may have kept for longer
const SOON = 1000 // milliseconds that what is open to everybody waits for a token: who is logged in is shown things as they are now

/** What says itself who asks. */
const NOBODY = /^POST \/api\/v1\/(tokens(\/\w+)?|codes)$/
/** Whose token goes along. `either`: hers, if it can be had; else none, for logins may be away, and numbers are not. */
type As = 'herself' | 'either' | 'nobody'

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
  const what = `${request.method} ${new URL(request.url).pathname}`
  let as: As = NOBODY.test(what) ? 'nobody' : OPEN.test(what) ? 'either' : 'herself'
  let renewed = false
  let unanswered = false
  for (let tries = 0; ; tries++) {
    const last = tries >= PAUSES.length
    const answer = await attempt(request, as).catch((error: unknown) => {
      if (last || request.signal.aborted || !(error instanceof Unreachable)) throw error
      return null
    })
    const status = answer?.response.status
    if (status === 401 && answer!.token && !renewed && (await refused(answer!.response))) {
      renewed = true
      distrust(answer!.token)
    } else if (status === 401 && !answer!.token && as === 'either' && request.method === 'GET' && loggedIn.value) {
      as = 'herself' // some of it shows more to whom it concerns
    } else if (status === 404 && unanswered && request.method === 'DELETE') return new Response(null, { status: 204 })
    else if (answer && (last || !AWAY.has(answer.response.status) || told(answer.response) > LONGEST)) return answer.response
    else {
      unanswered ||= status !== 429
      await pause(PAUSES[tries]!, answer?.response, request.signal)
    }
  }
}

async function attempt(request: Request, as: As): Promise<{ response: Response; token: string }> {
  const { signal, wait } = waiting(PATIENCE, request.signal)
  try {
    const token = await tokenOf(as, signal)
    const again = request.clone()
    if (token) again.headers.set('Authorization', `Bearer ${token}`)
    if (request.method !== 'GET') wait(PATIENCE + (await request.clone().blob()).size / UPLOAD)
    const sent = Date.now()
    const response = await fetch(again, { signal })
    wait(WHOLE)
    const kept = request.cache === 'no-store' ? 0 : keeping(response)
    if (kept <= KEPT) learn(sent - kept, Date.now(), response.headers.get('Date'))
    return { response, token }
  } catch (cause) {
    if (cause instanceof Problem || cause instanceof Unreachable) throw cause
    throw new Unreachable(cause)
  }
}

async function tokenOf(as: As, signal: AbortSignal): Promise<string> {
  if (as === 'nobody') return ''
  return as === 'herself' ? await unless(signal, bearer()) : await unless(within(SOON, signal), bearer()).catch(() => '')
}

/** Whether a 401 is about the token: then another one may help. Whoever has typed a wrong password has not typed it twice. */
async function refused(response: Response): Promise<boolean> {
  const body = (await response.clone().json().catch(() => null)) as { code?: unknown } | null
  return !OTHER_401.has(String(body?.code))
}

/** Milliseconds that a browser may hand out an answer again; its Date, too, may be so old. */
function keeping(response: Response): number {
  return Number(/max-age=(\d+)/.exec(response.headers.get('Cache-Control') ?? '')?.[1] ?? 0) * 1000
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
