/** A list that comes page by page: the first by `useLoad`, the others when somebody asks for more. */

import { computed, reactive, ref, shallowRef, watch } from 'vue'
import { useAct, type Act } from './act'
import { useLoad, type Load, type Options } from './load'

interface Page {
  items: unknown[]
  next_cursor: string | null
}

export interface Pages<P extends Page> {
  first: Load<P>
  /** Of all pages that have come. */
  items: P['items']
  more: Act<[], void>
  hasMore: boolean
}

/** fetch: the page that begins at a cursor. Loading again loads as many pages as are shown, so that nobody loses her place. */
export function usePages<P extends Page>(fetch: (cursor?: string) => Promise<P>, options: Options = {}): Pages<P> {
  const rest = shallowRef<unknown[]>([])
  const cursor = ref<string | null>(null)
  let shown = 1
  let turn = 0
  if (options.of) watch(options.of, () => (shown = 1), { flush: 'sync' })

  const first = useLoad(async () => {
    const mine = ++turn
    const page = await fetch()
    const others: unknown[] = []
    let next = page.next_cursor
    for (let n = 1; n < shown && next && mine === turn; n++) {
      const another = await fetch(next)
      others.push(...another.items)
      next = another.next_cursor
    }
    if (mine === turn) {
      rest.value = others
      cursor.value = next
    }
    return page
  }, options)
  const more = useAct(async () => {
    const from = cursor.value
    const mine = turn
    if (!from) return
    const page = await fetch(from)
    shown++
    if (mine !== turn) return first.reload() // all of it is being loaded anew
    rest.value = [...rest.value, ...page.items]
    cursor.value = page.next_cursor
  })
  const items = computed(() => [...(first.data?.items ?? []), ...rest.value])
  return reactive({ first, items, more, hasMore: computed(() => cursor.value !== null) }) as Pages<P>
}
