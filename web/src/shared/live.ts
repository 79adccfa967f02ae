/** What a page shows of something that moves by itself: told by its stream, and asked for while there is none. */

import { computed, onScopeDispose, shallowReactive, watch } from 'vue'
import { isGone, serverNow } from '@/api'
import { useStream } from '@/api/stream'
import type { Load } from './load'

const EVERY = 5000 // milliseconds between two questions while the stream is away

/**
 * How new it is: `live` by the stream; `asking` again and again, as good but for some seconds; `old` while neither works.
 * What is `old` must be shown as such.
 */
export type Freshness = 'connecting' | 'live' | 'asking' | 'old'

export interface Live<T> extends Load<T> {
  readonly freshness: Freshness
  /** Nothing more will come of it. */
  close: () => void
}

export interface Source<T, E> {
  path: string
  /** The name of the stream's event that tells the newest state. */
  event: string
  fetch: () => Promise<T>
  /** What is known, with what was just told. undefined: it says nothing without what `fetch` brings first. */
  merge: (known: T | undefined, told: E) => T | undefined
}

/** Live until the component goes. An answer that was asked for before something newer was told does not undo it. */
export function useLive<T, E>(source: Source<T, E>): Live<T> {
  let told: E | undefined
  let toldAt = 0 // counts events
  let lostAt = 0
  let running: Promise<void> | undefined
  let next: Promise<void> | undefined
  let gone = false
  const { link, close: hangUp } = useStream(source.path, (event, data) => {
    if (event !== source.event || gone) return
    told = data as E
    toldAt++
    const merged = source.merge(state.data, told)
    if (merged !== undefined) Object.assign(state, { data: merged, at: serverNow(), error: undefined, loading: false })
  })
  const state: Live<T> = shallowReactive({
    data: undefined as T | undefined,
    error: undefined as unknown,
    loading: true,
    at: 0,
    reload,
    close,
    get freshness() {
      return freshness.value
    },
  })

  /** What is answered to a question that is out already may be of before what was done since: it is asked once more, after it. */
  function reload(): Promise<void> {
    if (!running) return look()
    return (next ??= running.then(() => {
      next = undefined
      return reload()
    }))
  }

  function look(): Promise<void> {
    return (running ??= ask().finally(() => (running = undefined)))
  }

  async function ask(): Promise<void> {
    if (gone) return
    const before = toldAt
    state.loading = true
    try {
      const found = await source.fetch()
      if (gone) return
      const newest = toldAt > before && told !== undefined ? source.merge(found, told) : found
      Object.assign(state, { data: newest, error: undefined, at: serverNow() })
    } catch (error) {
      if (gone) return
      state.error = error
      if (isGone(error)) state.data = undefined
    } finally {
      state.loading = false
    }
  }

  const freshness = computed<Freshness>(() => {
    if (link.value === 'live' && !state.error) return 'live'
    if (link.value === 'connecting') return state.data === undefined ? 'connecting' : 'asking'
    return !state.error && state.at > lostAt ? 'asking' : 'old'
  })
  watch(
    link,
    (_, before) => {
      if (before === 'live') lostAt = serverNow()
    },
    { flush: 'sync' },
  )
  const timer = setInterval(() => {
    if (link.value !== 'live' || state.error) void look()
  }, EVERY)
  // a phone that was asleep may hold a connection that is none any more, and nobody has noticed yet
  const seen = () => {
    if (!document.hidden) void reload()
  }
  document.addEventListener('visibilitychange', seen)
  function close(): void {
    gone = true
    hangUp()
    clearInterval(timer)
    document.removeEventListener('visibilitychange', seen)
  }
  onScopeDispose(close)
  void look()
  return state
}
