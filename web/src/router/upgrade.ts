/**
 * An upgrade while somebody is here. What a tab has not loaded yet is gone with the older build: a full load of the wanted
 * address brings the newer one. Not twice in a row, lest it goes round for ever: then the page says so, and a button loads it.
 * Without a network it is the same; a tab that has no page at all to stay on is loaded by itself once there is one.
 */

import { shallowRef } from 'vue'
import { type Router, START_LOCATION } from 'vue-router'
import { ofTab } from '@/shared/storage'
import { broken, confess } from './broken'

/** The address that could not be opened; '' while all is well. */
export const unopened = shallowRef('')

const MARK = 'haoyuan.upgrade'
const IN_A_ROW = 60_000
const PAUSES = [0, 1000, 2000, 5000] // milliseconds: `online` is said of a link, often before names resolve or a route works

export function survive(router: Router, load: (address: string) => void = fully): void {
  const parts = new WeakSet<object>()
  let latest = 0
  // Vite tells of every part that could not be loaded; the router afterwards, if it was part of a page, and where it should have led.
  addEventListener('vite:preloadError', (event) => parts.add(event.payload))
  router.onError(async (error, to) => {
    if (!(error instanceof Error && parts.has(error))) return confess(error)
    // a tab that cannot remember having done so might do it for ever
    const once = !recently() && (await reachable()) && ofTab.setItem(MARK, String(Date.now()))
    if (!once) return void (unopened.value = to.fullPath)
    load(to.fullPath)
  })
  addEventListener('online', async () => {
    const mine = ++latest
    // elsewhere somebody may be filling in a form
    const bare = () => mine === latest && unopened.value && router.currentRoute.value === START_LOCATION
    for (const pause of PAUSES) {
      await new Promise((resolve) => setTimeout(resolve, pause))
      if (!bare()) return
      if ((await reachable()) && bare()) return load(unopened.value)
    }
  })
  router.afterEach((to, from, failure) => {
    if (failure) return
    unopened.value = ''
    if (to.path !== from.path) broken.value = false
  })
}

export function fully(address: string): void {
  location.assign(address)
}

function recently(): boolean {
  return Date.now() - Number(ofTab.getItem(MARK) ?? 0) < IN_A_ROW
}

/** Whether there is anything to load from. If not, one stays where one is, with what one has. */
async function reachable(): Promise<boolean> {
  try {
    return (await fetch('/index.html', { method: 'HEAD', cache: 'no-store' })).ok
  } catch {
    return false
  }
}
