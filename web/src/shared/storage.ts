/** What this browser keeps of ours. Where it keeps nothing (denied, full), the pages work all the same, and remember until they are left. */

interface Kept extends Pick<Storage, 'getItem' | 'removeItem'> {
  /** Whether it is really kept, and not only remembered. */
  setItem: (key: string, value: string) => boolean
}

function guarded(where: () => Storage, shared = false): Kept {
  const memory = new Map<string, string>()
  const attempt = <T>(work: (storage: Storage) => T): { done: T } | undefined => {
    try {
      return { done: work(where()) } // even to name it can be refused
    } catch {
      return undefined
    }
  }
  // what another tab has kept since is newer than what this one remembers; no key: all is gone
  if (shared) window.addEventListener('storage', ({ key }) => void (key === null ? memory.clear() : memory.delete(key)))
  return {
    getItem: (key) => memory.get(key) ?? attempt((storage) => storage.getItem(key))?.done ?? null,
    setItem(key, value) {
      const done = attempt((storage) => storage.setItem(key, value)) !== undefined
      if (done) memory.delete(key)
      else {
        memory.set(key, value)
        attempt((storage) => storage.removeItem(key)) // lest other tabs take what it was before for the newest
      }
      return done
    },
    removeItem(key) {
      memory.delete(key)
      attempt((storage) => storage.removeItem(key))
    },
  }
}

/** For good, and all tabs alike. */
export const local = guarded(() => window.localStorage, true)
/** For this tab, over reloads. */
export const ofTab = guarded(() => window.sessionStorage)
