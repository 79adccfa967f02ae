/** Where somebody goes once she is logged in. */

import type { Account } from '@/api'

/**
 * The page that `?next=` names, if it is one of ours; else undefined. What is handed to us in an address may come from
 * anybody: `//elsewhere`, `/\elsewhere` and what hides a line break in it would lead away from here.
 */
export function ownPath(next: unknown): string | undefined {
  if (typeof next !== 'string' || !/^\/[^\\\u0000-\u001f\u007f]*$/.test(next)) return undefined
  const here = new URL(window.location.origin)
  const there = new URL(next, here)
  const path = there.pathname + there.search + there.hash // without dots that climb: `/a/..//elsewhere` is `//elsewhere`
  if (there.origin !== here.origin || /^\/(\/|(login|register|reset)\/?$)/.test(there.pathname)) return undefined
  return path
}

/** A screen shows its board, staff go to their desks, everybody else begins at the front. */
export function homeOf(account: Pick<Account, 'roles'>): string {
  if (account.roles.includes('board')) return '/board'
  return account.roles.some((role) => role !== 'patient') ? '/staff' : '/'
}
