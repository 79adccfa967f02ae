/** A list that comes page by page: the first by `useLoad`, the others when somebody asks for more. */

import { computed, reactive, ref, shallowRef } from 'vue'
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

/** fetch: the page that begins at a cursor. Loading the first page again drops the others. */
export function usePages<P extends Page>(fetch: (cursor?: string) => Promise<P>, options: Options = {}): Pages<P> {
  const rest = shallowRef<unknown[]>([])
  const cursor = ref<string | null>(null)
  const first = useLoad(async () => {
    const page = await fetch()
    rest.value = []
    cursor.value = page.next_cursor
    return page
  }, options)
  const more = useAct(async () => {
    const from = cursor.value
    if (!from) return
    const page = await fetch(from)
    if (from !== cursor.value) return // the first page was loaded anew meanwhile
    rest.value = [...rest.value, ...page.items]
    cursor.value = page.next_cursor
  })
  const items = computed(() => [...(first.data?.items ?? []), ...rest.value])
  return reactive({ first, items, more, hasMore: computed(() => cursor.value !== null) }) as Pages<P>
}
