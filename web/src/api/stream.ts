/**
 * Live streams: server-sent events by fetch, since EventSource cannot send a token. Comes again by itself after whatever
 * ended it, but for the reasons after which the server asks not to.
 */

import { createParser } from 'eventsource-parser'
import { onScopeDispose, ref, type Ref } from 'vue'
import { distrust, bearer } from './session'
import { unless } from './signals'

/** How the connection stands: what is shown while it is `lost` may be old, and the page says so. */
export type Link = 'connecting' | 'live' | 'lost' | 'ended'

const SILENCE = 40_000 // milliseconds: the server breaks a silence every 15 s, so a longer one is a dead connection
const SOONEST = 1000 // milliseconds until it comes again, doubled each time in vain
const LATEST = 15_000
const FINAL = new Set(['elsewhere'])
const PLANNED = new Set(['token_expired', 'come_again']) // the server ends every stream after a while; that is no fault
const HOPELESS = new Set([400, 403, 404, 410])

export interface Stream {
  link: Ref<Link>
  close: () => void
}

/** Listen to a stream until the component goes. `tell(event, data)` gets every event but `bye`. */
export function useStream(path: string, tell: (event: string, data: unknown) => void): Stream {
  const link = ref<Link>('connecting')
  const ending = new AbortController()
  let failures = 0
  let lastId = ''

  async function listen(): Promise<void> {
    while (!ending.signal.aborted) {
      const begun = Date.now()
      const end = await once().catch(() => 'lost' as const)
      if (end === 'over' || ending.signal.aborted) break
      if (end === 'again' && Date.now() - begun > LATEST) continue // not in a circle, should clocks disagree
      link.value = 'lost'
      await sleep(Math.min(SOONEST * 2 ** failures++, LATEST), ending.signal)
    }
    link.value = 'ended'
  }

  /** One connection, and how it ended: `again` at once, as was planned; `lost`; or `over`, since coming again is in vain. */
  async function once(): Promise<'again' | 'lost' | 'over'> {
    const silent = new AbortController()
    const cut = () => silent.abort()
    let timer = setTimeout(cut, SILENCE)
    window.addEventListener('offline', cut)
    ending.signal.addEventListener('abort', cut)
    try {
      const token = await unless(silent.signal, bearer())
      const headers: Record<string, string> = { Accept: 'text/event-stream', Authorization: `Bearer ${token}` }
      if (lastId) headers['Last-Event-ID'] = lastId
      const response = await fetch(path, { headers, signal: silent.signal })
      if (response.status === 401) distrust(token)
      if (!response.ok || !response.body) return HOPELESS.has(response.status) ? 'over' : 'lost'
      link.value = 'live'
      let bye = ''
      const parser = createParser({
        onEvent: ({ event, data, id }) => {
          if (id) lastId = id
          const body: unknown = JSON.parse(data)
          if (event === 'bye') bye = reasonOf(body)
          else tell(event ?? 'message', body)
          failures = 0
        },
      })
      const decoder = new TextDecoder()
      const reader = response.body.getReader()
      for (;;) {
        const { done, value } = await reader.read()
        clearTimeout(timer)
        if (done) return FINAL.has(bye) ? 'over' : PLANNED.has(bye) ? 'again' : 'lost'
        timer = setTimeout(cut, SILENCE)
        parser.feed(decoder.decode(value, { stream: true }))
      }
    } finally {
      clearTimeout(timer)
      window.removeEventListener('offline', cut)
      ending.signal.removeEventListener('abort', cut)
      cut() // what could not be taken leaves it open
    }
  }

  void listen()
  onScopeDispose(() => ending.abort())
  return { link, close: () => ending.abort() }
}

function reasonOf(body: unknown): string {
  return typeof body === 'object' && body && 'reason' in body ? String(body.reason) : ''
}

/** Cut short by the network's coming back, or the end. Leaves nothing behind: a board on a wall sleeps some thousand times. */
function sleep(milliseconds: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const wake = () => {
      clearTimeout(timer)
      signal.removeEventListener('abort', wake)
      window.removeEventListener('online', wake)
      resolve()
    }
    const timer = setTimeout(wake, milliseconds)
    signal.addEventListener('abort', wake)
    window.addEventListener('online', wake)
  })
}
