/** How many messages of the inbox are unread, for the bar: asked for now and then, and told by the inbox while it is open. */

import { defineStore, storeToRefs } from 'pinia'
import { onScopeDispose, ref, watch } from 'vue'
import { ask, known, loggedIn, notify } from '@/api'
import { pinia } from '@/shared/pinia'

export const { unread } = storeToRefs(defineStore('inbox', () => ({ unread: ref(0) }))(pinia))

/** Above it the bar says "99+". */
export const MOST_UNREAD = 99
const EVERY = 60_000 // milliseconds

let latest = 0

/** Count anew; what cannot be reached leaves the count as it is. */
export async function countUnread(): Promise<void> {
  const mine = ++latest
  const who = loggedIn.value ? await known().catch(() => null) : null
  if (!who || who.roles.every((role) => role === 'board')) {
    if (!loggedIn.value || who) unread.value = 0 // screens on walls have no inbox
    return
  }
  const page = await ask(notify.GET('/api/v1/notifications', { params: { query: { unread: true, limit: MOST_UNREAD + 1 } } })).catch(() => undefined)
  if (page && mine === latest) unread.value = page.items.length
}

/** Count while the component lives: when somebody logs in or out, when the page is looked at again, and each minute. */
export function useUnread(): void {
  const look = () => {
    if (!document.hidden) void countUnread()
  }
  const timer = setInterval(look, EVERY)
  document.addEventListener('visibilitychange', look)
  watch(loggedIn, () => void countUnread(), { immediate: true })
  onScopeDispose(() => {
    clearInterval(timer)
    document.removeEventListener('visibilitychange', look)
  })
}
