/** Who is let into which page, and where the others are sent. */

import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import type { RouteLocationNormalized, RouteMeta } from 'vue-router'
import { account, distrust, enter, type Role, type Tokens } from '@/api'
import { admit } from '.'

const TOKENS: Tokens = { access_token: `head.${btoa(JSON.stringify({ sub: 'acc_1' }))}.sign`, refresh_token: 'r1', expires_in: 900, token_type: 'Bearer' }
const json = (body: unknown, status = 200) => new Response(JSON.stringify(body), { status })
const to = (who?: RouteMeta['who']) => ({ fullPath: '/there?a=1', meta: { who } }) as RouteLocationNormalized
const LOGIN = { path: '/login', query: { next: '/there?a=1' } }
const FORBIDDEN = { path: '/forbidden' }
let answer: (path: string) => Response

/** Somebody is logged in, and the page does not know yet who. */
async function loggedIn(roles: Role[] = ['patient']): Promise<void> {
  answer = () => json({ id: 'acc_1', roles })
  await enter(TOKENS)
  account.value = null
}

beforeEach(() => vi.stubGlobal('fetch', async (path: string) => answer(path)))
afterEach(() => {
  vi.spyOn(location, 'reload').mockImplementation(() => undefined)
  localStorage.clear()
  window.dispatchEvent(new StorageEvent('storage', { key: null }))
  vi.restoreAllMocks()
  vi.unstubAllGlobals()
})

it('strangers open what is for everybody, and are asked to log in for the rest', async () => {
  expect(await Promise.all([to(), to('everybody'), to('account'), to(['registrar'])].map(admit))).toEqual([true, true, LOGIN, LOGIN])
})

it.each<[Role[], RouteMeta['who'], unknown]>([
  [['patient'], 'everybody', true],
  [['patient'], 'account', true],
  [['patient'], ['registrar'], FORBIDDEN],
  [['registrar'], ['registrar', 'cashier'], true],
  [['patient', 'cashier'], ['registrar', 'cashier'], true],
  [['doctor'], ['registrar', 'cashier'], FORBIDDEN],
])('%s: what is for %s', async (roles, who, where) => {
  await loggedIn(roles)
  expect(await admit(to(who))).toEqual(where)
})

it.each([400, 403, 404, 422, 429, 500, 503])('who cannot be asked for (%i) comes in: the page says what is the matter', async (status) => {
  await loggedIn()
  answer = () => json({ code: 'x' }, status)
  expect([await admit(to('account')), await admit(to(['registrar']))]).toEqual([true, true])
})

it.each([400, 403, 429, 503])('whose token cannot be renewed now (%i) comes in, too', async (status) => {
  await loggedIn()
  distrust(TOKENS.access_token)
  answer = () => json({ code: 'x' }, status)
  expect([await admit(to('account')), await admit(to(['registrar']))]).toEqual([true, true])
})

it.each([401, 422])('whose login has ended (%i) logs in again', async (status) => {
  await loggedIn()
  distrust(TOKENS.access_token)
  answer = () => json({ code: 'x' }, status)
  expect(await admit(to('account'))).toEqual(LOGIN)
})
