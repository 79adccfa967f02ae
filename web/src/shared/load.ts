/** What a page shows of the server: loading, loaded, failed, or loaded once and out of reach now. */

import { onScopeDispose, reactive, watch, type WatchSource } from 'vue'
import { isGone, serverNow } from '@/api'

export interface Load<T> {
  data: T | undefined
  /** Of the last attempt; with `data` beside it, that is from before. */
  error: unknown
  loading: boolean
  /** The server's time at which `data` came, milliseconds. */
  at: number
  reload: () => Promise<void>
}

export interface Options {
  /** Load again so many milliseconds after the last answer, while the page is looked at. 0 ends it. */
  every?: number | (() => number)
  /** Load anew when one of these changes; what was there is forgotten. */
  of?: WatchSource[]
}

/** Load now, and again when `options` say so, until the component goes. Answers that were overtaken are dropped. */
export function useLoad<T>(fetch: () => Promise<T>, options: Options = {}): Load<T> {
  let latest = 0
  let timer: ReturnType<typeof setTimeout> | undefined
  let gone = false
  const load = reactive({ data: undefined, error: undefined, loading: true, at: 0, reload }) as Load<T>

  async function reload(): Promise<void> {
    const mine = ++latest
    clearTimeout(timer)
    load.loading = true
    try {
      const data = await fetch()
      if (mine !== latest) return
      Object.assign(load, { data, error: undefined, at: serverNow() })
    } catch (error) {
      if (mine !== latest) return
      load.error = error
      if (isGone(error)) load.data = undefined
    }
    load.loading = false
    schedule()
  }

  const rhythm = () => (typeof options.every === 'function' ? options.every() : (options.every ?? 0))

  function schedule(): void {
    const every = rhythm()
    if (every && !gone) timer = setTimeout(() => (document.hidden ? schedule() : void reload()), every)
  }

  function seen(): void {
    if (!document.hidden && !load.loading && rhythm()) void reload()
  }

  document.addEventListener('visibilitychange', seen)
  onScopeDispose(() => {
    gone = true
    latest++
    clearTimeout(timer)
    document.removeEventListener('visibilitychange', seen)
  })
  if (options.of)
    watch(options.of, () => {
      load.data = undefined
      load.error = undefined
      void reload()
    })
  void reload()
  return load
}
