/**
 * The frame of the pages opens without a network, after a first visit, too: what a page has loaded before its worker was there
 * (vite.config.ts) went past it, and goes through it now. The browser still has it: nothing comes over the network again.
 */

export async function opensOffline(): Promise<void> {
  const worker = navigator.serviceWorker
  if (!worker) return // a connection that is not secure
  const first = !worker.controller
  const here = new Promise((resolve) => worker.addEventListener('controllerchange', resolve, { once: true }))
  await worker.register('/sw.js')
  if (!first) return
  await here
  await Promise.all([keepFrame(), ...parts().map((part) => fetch(part))])
}

/** The page as it came, whose parts are those that are kept: an upgrade may have brought another one since. */
async function keepFrame(): Promise<void> {
  const [came] = performance.getEntriesByType('navigation')
  const response = await fetch(came?.name ?? '/', { cache: 'force-cache', headers: { Accept: 'text/html' } })
  if (response.ok) await (await caches.open('frame')).put('/index.html', response)
}

function parts(): string[] {
  const own = `${location.origin}/assets/`
  return performance.getEntriesByType('resource').flatMap(({ name }) => (name.startsWith(own) ? [name] : []))
}
