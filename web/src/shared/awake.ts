/** The screen stays on while `wanted`: phones of who waits, boards on walls. Where a browser cannot, nothing happens. */

import { onScopeDispose, watch } from 'vue'

export function useAwake(wanted: () => boolean): void {
  let lock: WakeLockSentinel | undefined
  let asking = false
  let gone = false

  async function hold(): Promise<void> {
    if (gone || !wanted() || document.hidden || !('wakeLock' in navigator) || asking || (lock && !lock.released)) return
    asking = true // twice would be one that nobody lets go of
    try {
      lock = await navigator.wakeLock.request('screen')
      if (gone || !wanted()) void lock.release()
    } catch {
      lock = undefined // a battery that is low refuses it
    } finally {
      asking = false
    }
  }

  // browsers let go of it whenever the page is hidden
  document.addEventListener('visibilitychange', hold)
  watch(wanted, (now) => (now ? void hold() : void lock?.release()), { immediate: true })
  onScopeDispose(() => {
    gone = true
    document.removeEventListener('visibilitychange', hold)
    void lock?.release()
  })
}
