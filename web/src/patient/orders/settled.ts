/** A second tap is meant for what stood there before: what has just come under the finger takes none for a moment. */

import { onScopeDispose, ref, watch, type Ref, type WatchSource } from 'vue'

const MOMENT = 500 // milliseconds: a double tap is over by then

/** False for a moment after each change of `what`. */
export function useSettled(what: WatchSource): Ref<boolean> {
  const settled = ref(true)
  let timer: ReturnType<typeof setTimeout> | undefined
  watch(
    what,
    () => {
      settled.value = false
      clearTimeout(timer)
      timer = setTimeout(() => (settled.value = true), MOMENT)
    },
    { flush: 'sync' },
  )
  onScopeDispose(() => clearTimeout(timer))
  return settled
}
