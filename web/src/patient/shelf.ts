/** What this tab keeps over a reload or a login, until somebody logs out: the next to sit here is shown none of it. */

import { watch } from 'vue'
import { account, loggedIn } from '@/api'
import { ofTab } from '@/shared/storage'

export interface Shelf<T> {
  get: (name: string) => T | undefined
  put: (name: string, value: T) => void
  drop: (name: string) => void
}

const keys = new Set<string>()

/** `key`: all that lies there is kept under, as one. What is found may be anything: somebody else may have written there. */
export function shelf<T>(key: string): Shelf<T> {
  keys.add(key)
  const all = (): Record<string, T> => {
    try {
      return { ...(JSON.parse(ofTab.getItem(key) ?? '{}') as Record<string, T>) }
    } catch {
      return {}
    }
  }
  return {
    get: (name) => all()[name],
    put: (name, value) => void ofTab.setItem(key, JSON.stringify({ ...all(), [name]: value })),
    drop(name) {
      const { [name]: _, ...rest } = all()
      ofTab.setItem(key, JSON.stringify(rest))
    },
  }
}

watch(
  [loggedIn, () => account.value?.id],
  ([is, whose], [was, before]) => {
    if ((was && !is) || (before && whose !== before)) keys.forEach((key) => ofTab.removeItem(key))
  },
  { flush: 'sync' }, // the page may be left at once
)
