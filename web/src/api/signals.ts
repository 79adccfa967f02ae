/** Ends of waiting. By hand: AbortSignal.any and AbortSignal.timeout are younger than many phones. */

/** Aborted after so many milliseconds, or with `other`. */
export function within(milliseconds: number, other?: AbortSignal): AbortSignal {
  const end = new AbortController()
  const follow = () => {
    clearTimeout(timer)
    end.abort(other?.reason)
  }
  const timer = setTimeout(() => {
    other?.removeEventListener('abort', follow)
    end.abort(new DOMException('no answer in time', 'TimeoutError'))
  }, milliseconds)
  if (other?.aborted) follow()
  else other?.addEventListener('abort', follow, { once: true })
  return end.signal
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
