/** Ends of waiting. By hand: AbortSignal.any and AbortSignal.timeout are younger than many phones. */

/** Aborted after so many milliseconds, or with `other`. */
export function within(milliseconds: number, other?: AbortSignal): AbortSignal {
  return waiting(milliseconds, other).signal
}

/** The same, and `wait(more)`: aborted so many milliseconds from now instead. */
export function waiting(milliseconds: number, other?: AbortSignal): { signal: AbortSignal; wait: (more: number) => void } {
  const end = new AbortController()
  const follow = () => {
    clearTimeout(timer)
    end.abort(other?.reason)
  }
  const late = () => {
    other?.removeEventListener('abort', follow)
    end.abort(new DOMException('no answer in time', 'TimeoutError'))
  }
  let timer = setTimeout(late, milliseconds)
  const wait = (more: number) => {
    clearTimeout(timer)
    if (!end.signal.aborted) timer = setTimeout(late, more)
  }
  if (other?.aborted) follow()
  else other?.addEventListener('abort', follow, { once: true })
  return { signal: end.signal, wait }
}

/** What `work` gives, or the abort of `signal`, should that come first. */
export function unless<T>(signal: AbortSignal, work: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const stop = () => reject(signal.reason ?? new DOMException('aborted', 'AbortError'))
    if (signal.aborted) stop()
    else signal.addEventListener('abort', stop, { once: true })
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', stop))
  })
}
