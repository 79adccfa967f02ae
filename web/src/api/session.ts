/**
 * Who is logged in here. The access token lives in memory only; the refresh token in localStorage, so that a patient need not
 * log in each time she opens the page. Refresh tokens are good for one use, and using one twice ends the login: tabs take turns.
 */

import { defineStore, storeToRefs } from 'pinia'
import { computed, ref } from 'vue'
import { pinia } from '@/shared/pinia'
import { local } from '@/shared/storage'
import type { components } from './generated/user'
import { learn } from './clock'
import { Problem, Unreachable } from './problem'
import { unless, within } from './signals'

export type Account = components['schemas']['AccountOut']
export type Role = Account['roles'][number]
export type Tokens = components['schemas']['TokensOut']

const KEY = 'haoyuan.login'
const WHOSE = 'haoyuan.account' // its account's id
const EARLY = 20_000 // milliseconds before its end at which an access token is changed for a new one
const PATIENCE = 6_000 // milliseconds for an answer: a refresh token may be used again for a minute, should the answer be lost
const LONGEST = 60_000 // milliseconds that we stay away because a Retry-After says so

let access = ''
let accessUntil = 0
let notBefore = 0 // until then we were asked not to come again
let whose = local.getItem(WHOSE) ?? '' // whose account this page has shown last; '' if nobody's
const kept = ref(local.getItem(KEY) ?? '')

export const { account } = storeToRefs(defineStore('account', () => ({ account: ref<Account | null>(null) }))(pinia))
export const loggedIn = computed(() => kept.value !== '')

export function hasRole(...roles: Role[]): boolean {
  return account.value?.roles.some((role) => roles.includes(role)) ?? false
}

// Another tab has logged in or out, or has a newer token. What is shown here is not left beside somebody else's login, nor after
// her logout, with its buttons and streams. No key: all that was kept is gone. What is kept counts, since news may be late.
window.addEventListener('storage', (event) => {
  if (event.key !== KEY && event.key !== null) return
  const before = kept.value
  kept.value = local.getItem(KEY) ?? ''
  if (kept.value ? changed(local.getItem(WHOSE) ?? '') : before) beginAnew()
})

function changed(now: string): boolean {
  return whose !== '' && now !== whose
}

function beginAnew(): void {
  access = ''
  accessUntil = 0
  account.value = null
  location.reload()
}

/** Take the tokens of a login, and learn whose they are; null if that cannot be asked now: the login is one all the same. */
export async function enter(tokens: Tokens): Promise<Account | null> {
  take(whole(tokens))
  return await whoAmI().catch((error: unknown) => {
    if (error instanceof Unreachable) return null
    throw error
  })
}

/** Forget the login here, and tell the server. Works without a network, too. */
export async function leave(): Promise<void> {
  const token = kept.value
  drop()
  if (token) await post('/api/v1/tokens/logout', { refresh_token: token }).catch(() => undefined)
}

/** A token that is good for a while, or '' if nobody is logged in. Raises Unreachable if that cannot be found out now. */
export async function bearer(): Promise<string> {
  if (!kept.value) return ''
  if (access && Date.now() < accessUntil - EARLY) return access
  refreshing ??= oneAtATime(refresh).finally(() => (refreshing = undefined))
  return await refreshing
}

let refreshing: Promise<string> | undefined

async function refresh(): Promise<string> {
  const token = local.getItem(KEY)
  if (!token) return ''
  if (Date.now() < notBefore) throw new Unreachable('asked to come later')
  try {
    const tokens = whole(await post<Tokens>('/api/v1/tokens/refresh', { refresh_token: token }))
    if (local.getItem(KEY) !== token) throw new Unreachable('another login') // it came in meanwhile, and counts
    const other = changed(accountOf(tokens))
    take(tokens)
    if (other) {
      beginAnew() // another tab's news that she has logged in is still on its way
      throw new Unreachable('another login')
    }
  } catch (error) {
    // 422: it is no token at all. Other refusals are somebody's on the way, who may let us pass later
    if (!(error instanceof Problem && (error.status === 401 || error.status === 422))) throw new Unreachable(error)
    if (local.getItem(KEY) === token) drop()
  }
  return access
}

/** The access token was refused: have another one next time. */
export function distrust(token: string): void {
  if (token === access) accessUntil = 0
}

/** Ask whose login this is. null if nobody's. */
export async function whoAmI(): Promise<Account> {
  const token = await bearer()
  if (!token) throw new Problem(401, { code: 'unauthorized' })
  const found = await call<Account>('/api/v1/users/me', { headers: { Authorization: `Bearer ${token}` } })
  if (typeof found.id !== 'string' || !Array.isArray(found.roles)) throw new Unreachable('no account in the answer')
  if (token === access) account.value = found // else another tab's login came in between
  return found
}

let asked: Promise<Account | null> | undefined

/** The account, asked for once; null for strangers. Raises Unreachable. */
export async function known(): Promise<Account | null> {
  if (account.value) return account.value
  if (!kept.value) return null
  asked ??= whoAmI()
    .catch((error: unknown) => {
      if (error instanceof Problem && error.status === 401) return null
      throw error
    })
    .finally(() => (asked = undefined))
  return await asked
}

/** Whatever stands between here and the service may answer in its place, with 200 and a page of its own. */
function whole(tokens: Tokens): Tokens {
  const texts = [tokens.access_token, tokens.refresh_token]
  if (!texts.every((text) => typeof text === 'string' && text) || !(tokens.expires_in > 0)) throw new Unreachable('no tokens in the answer')
  return tokens
}

/** Whose an access token is, as it says itself; '' if it does not. */
function accountOf(tokens: Tokens): string {
  try {
    const claims = JSON.parse(atob(tokens.access_token.split('.')[1]!.replace(/-/g, '+').replace(/_/g, '/'))) as { sub?: unknown }
    return typeof claims.sub === 'string' ? claims.sub : ''
  } catch {
    return ''
  }
}

function take(tokens: Tokens): void {
  whose = accountOf(tokens)
  local.setItem(WHOSE, whose) // before the token, whose coming other tabs are told of
  access = tokens.access_token
  accessUntil = Date.now() + tokens.expires_in * 1000
  kept.value = tokens.refresh_token
  local.setItem(KEY, tokens.refresh_token)
}

function drop(): void {
  access = ''
  accessUntil = 0
  kept.value = ''
  account.value = null
  local.removeItem(KEY)
}

/** Between tabs, where the browser can (secure contexts only). A tab that hangs does not hold the others for ever. */
async function oneAtATime<T>(work: () => Promise<T>): Promise<T> {
  if (!navigator.locks) return await work()
  const signal = within(2 * PATIENCE)
  let begun = false
  const mine = navigator.locks.request(KEY, { signal }, () => ((begun = true), work())) as Promise<T>
  return await mine.catch((error: unknown) => {
    throw begun ? error : new Unreachable(error)
  })
}

function post<T>(path: string, body: unknown): Promise<T> {
  return call<T>(path, { method: 'POST', body: JSON.stringify(body), headers: { 'Content-Type': 'application/json' } })
}

async function call<T>(path: string, init: RequestInit): Promise<T> {
  const sent = Date.now()
  const signal = within(PATIENCE)
  try {
    const response = await unless(signal, fetch(path, { ...init, signal }))
    learn(sent, Date.now(), response.headers.get('Date'))
    const body = response.status === 204 ? {} : ((await unless(signal, response.json())) as Record<string, unknown>)
    if (response.status === 429) notBefore = Date.now() + Math.min(Number(response.headers.get('Retry-After')) * 1000 || 0, LONGEST)
    if (response.status === 429 || response.status >= 500) throw new Unreachable(new Problem(response.status, body))
    if (!response.ok) throw new Problem(response.status, body)
    return body as T
  } catch (error) {
    throw error instanceof Problem || error instanceof Unreachable ? error : new Unreachable(error)
  }
}
