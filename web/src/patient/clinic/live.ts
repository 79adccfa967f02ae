/** One's own visit as it moves: the stream tells what moves of it, and what else there is to know is asked for. */

import { computed, type ComputedRef, watch } from 'vue'
import { ask, booking, type BookingSchemas, Problem, type Visit } from '@/api'
import { useLive, type Live } from '@/shared/live'
import { useLoad, type Load } from '@/shared/load'
import type { Wait } from './waiting'

/** What the stream tells: booking_svc.api.streams.show_phone. */
export interface Told {
  id: string
  queue_id: string
  revision: number
  state: Visit['state']
  ticket: string
  ahead: number | null
  waiting: number
  room: string | null
  calls: number
  passes: number
  called_at: string | null
  moved_to: BookingSchemas['MovedTo'] | null
  paused: BookingSchemas['Paused'] | null
  serving: { room: string; ticket: string }[]
}

/** A visit with what only the stream tells; null until it has. */
export interface LiveVisit extends Visit {
  paused: BookingSchemas['Paused'] | null
  serving: { room: string; ticket: string }[] | null
}

export const ENDED: ReadonlySet<Visit['state']> = new Set(['done', 'missed', 'void', 'withdrawn', 'lapsed'])
const FOR_GOOD: ReadonlySet<Visit['state']> = new Set(['done', 'void', 'withdrawn', 'lapsed']) // who has missed it may be let in again
const WAIT_EVERY = 30_000 // milliseconds

/** What was known, as the stream has it now. Check-in is over once she is not expected any more; a call that came to nothing, with the next one. */
export function told(known: LiveVisit | undefined, news: Told): LiveVisit | undefined {
  if (!known) return undefined
  const { state, ticket, queue_id, ahead, room, calls, passes, called_at, moved_to, paused, serving } = news
  const check_in = state === 'expected' ? known.check_in : null
  const vain_call = state === 'waiting' && calls === known.calls ? known.vain_call : null
  return { ...known, state, ticket, queue_id, ahead, room, calls, passes, called_at, moved_to, paused, serving, check_in, vain_call }
}

export interface Following {
  visit: Live<LiveVisit>
  /** Nothing in it while nobody can say: `problem` tells why. */
  wait: Load<Wait | null>
  problem: ComputedRef<string>
}

export function useVisit(id: string): Following {
  const params = { path: { visit_id: id } }
  const visit: Live<LiveVisit> = useLive<LiveVisit, Told>({
    path: `/api/v1/visits/${id}/stream`,
    event: 'visit',
    fetch: async (): Promise<LiveVisit> => {
      const found = await ask(booking.GET('/api/v1/visits/{visit_id}', { params }))
      return { ...found, paused: visit.data?.paused ?? null, serving: visit.data?.serving ?? null }
    },
    merge: told,
  })
  const waits = computed(() => visit.data?.state === 'waiting' || visit.data?.state === 'expected')
  let refused = ''
  const wait = useLoad<Wait | null>(
    async () => {
      refused = ''
      if (!waits.value) return null
      try {
        return await ask(booking.GET('/api/v1/visits/{visit_id}/wait', { params }))
      } catch (error) {
        if (!(error instanceof Problem) || error.status !== 409) throw error
        refused = error.code
        return null
      }
    },
    { every: () => (waits.value || !visit.data ? WAIT_EVERY : 0) },
  )
  watch(
    () => [visit.data?.state, visit.data?.ahead, visit.data?.queue_id, visit.data?.paused?.why, visit.data?.calls],
    ([state, , , , calls], [before, , , , callsBefore]) => {
      const moved = state !== before || calls !== callsBefore // both at once, if a call is taken back at once
      if (moved && before !== undefined) void visit.reload() // times, and what else came with it
      void wait.reload()
      if (state && FOR_GOOD.has(state as Visit['state'])) visit.close()
    },
  )
  return { visit, wait, problem: computed(() => (wait.data === null && waits.value && wait.at ? refused : '')) }
}
