/** What has the focus may go with what changes; whoever goes by keys or by ear goes on where the page goes on. */

import { nextTick, watch, type WatchSource } from 'vue'

/** When a change of `what` takes the focused thing away, `where` gets the focus. */
export function useFocus(what: WatchSource | WatchSource[], where: () => HTMLElement | null | undefined): void {
  watch(what, async () => {
    const had = document.activeElement // as the page is still drawn
    await nextTick()
    if (had && !had.isConnected) where()?.focus()
  })
}
