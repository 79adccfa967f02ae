/** A fault of our own: what should be here may be missing, or all of it. The page says so, with a button that loads it again. */

import { shallowRef } from 'vue'

/** Until another page is opened. */
export const broken = shallowRef(false)

/** where: as Vue calls it. */
export function confess(error: unknown, where = 'navigation'): void {
  console.error(where, error)
  broken.value = true
}
