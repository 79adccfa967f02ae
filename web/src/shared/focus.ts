/** What has the focus may go with what changes; whoever goes by keys or by ear goes on where the page goes on. */

import { nextTick, watch, type WatchSource } from 'vue'

/** When a change of `what` takes the focused thing away, `where` gets the focus; `within`: only of what stood in there. */
export function useFocus(
  what: WatchSource | WatchSource[],
  where: () => { focus: () => void } | null | undefined,
  within: () => Element | null = () => document.body,
): void {
  watch(what, async () => {
    const had = document.activeElement // as the page is still drawn
    const ours = had && within()?.contains(had)
    await nextTick()
    if (ours && !had.isConnected) where()?.focus()
  })
}
