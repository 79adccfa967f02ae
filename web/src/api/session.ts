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

export type Account = components['schemas']['AccountOut']
export type Role = Account['roles'][number]
export type Tokens = components['schemas']['TokensOut']

const KEY = 'haoyuan.login'
const EARLY = 20_000 // milliseconds before its end at which an access token is changed for a new one

let access = ''
let accessUntil = 0
const kept = ref(local.getItem(KEY) ?? '')

export const { account } = storeToRefs(defineStore('account', () => ({ account: ref<Account | null>(null) }))(pinia))
export const loggedIn = computed(() => kept.value !== '')

export function hasRole(...roles: Role[]): boolean {
  return account.value?.roles.some((role) => roles.includes(role)) ?? false
}

// another tab has logged in or out, or has a newer token
window.addEventListener('storage', (event) => {
  if (event.key !== KEY) return
  kept.value = event.newValue ?? ''
  if (!kept.value) drop()
})

/** Take the tokens of a login, and learn whose they are. */
export async function enter(tokens: Tokens): Promise<Account> {
  take(tokens)
  return await whoAmI()
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
  return await oneAtATime(async () => {
    if (access && Date.now() < accessUntil - EARLY) return access
    const token = local.getItem(KEY)
    if (!token) return ''
    try {
      take(await post<Tokens>('/api/v1/tokens/refresh', { refresh_token: token }))
    } catch (error) {
      if (error instanceof Problem && error.status === 401) drop()
      else throw error
    }
    return access
  })
}

/** The access token was refused: have another one next time. */
export function distrust(token: string): void {
  if (token === access) accessUntil = 0
}

/** Ask whose login this is. null if nobody's. */
export async function whoAmI(): Promise<Account> {
  const token = await bearer()
  if (!token) throw new Problem(401, { code: 'unauthorized' })
  account.value = await call<Account>('/api/v1/users/me', { headers: { Authorization: `Bearer ${token}` } })
  return account.value
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

function take(tokens: Tokens): void {
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

let turn: Promise<unknown> = Promise.resolve()

function oneAtATime<T>(work: () => Promise<T>): Promise<T> {
  // between tabs where the browser can (secure contexts only), and within this one always
  const guarded = () => (navigator.locks ? navigator.locks.request(KEY, work) : work()) as Promise<T>
  const mine = turn.then(guarded, guarded)
  turn = mine.catch(() => undefined)
  return mine
}

function post<T>(path: string, body: unknown): Promise<T> {
  return call<T>(path, { method: 'POST', body: JSON.stringify(body), headers: { 'Content-Type': 'application/json' } })
}

async function call<T>(path: string, init: RequestInit): Promise<T> {
  const sent = Date.now()
  const response = await fetch(path, init).catch((cause: unknown) => {
    throw new Unreachable(cause)
  })
  learn(sent, Date.now(), response.headers.get('Date'))
  const body = (await response.json().catch(() => ({}))) as Record<string, unknown>
  if (response.status >= 500) throw new Unreachable(new Problem(response.status, body))
  if (!response.ok) throw new Problem(response.status, body)
  return body as T
}
