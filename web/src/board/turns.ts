/** More desks than there is room for on a tile: some at a time, in turns. Who has just been called is there in every turn. */

import { computed, onScopeDispose, ref, watch, type ComputedRef, type Ref } from 'vue'
import { useServerNow } from '@/api'
import type { Queue } from '@/shared/clinic'

type Desk = Queue['desks'][number]

export const TURN = 8000 // milliseconds
const FRESH = 30_000 // milliseconds for which a call is to be seen all the time
const LEAST = 7 // hundredths of the screen's shorter side: a desk in one line, with the space below it,
const GAP = 1 // which the last one has not
const AMPLE = 10 // the same, of a desk in two lines

/** Rooms to which somebody was called a moment ago. */
export function freshRooms(called: Queue['called'], now: number): Set<string> {
  return new Set(called.filter((call) => call.state === 'called' && now - Date.parse(call.at) < FRESH).map((call) => call.room ?? ''))
}

/** `places` of the desks, in their order; each of them within some turns. */
export function deskTurn(desks: Desk[], places: number, turn: number, fresh: ReadonlySet<string>): Desk[] {
  if (desks.length <= places) return desks
  const kept = desks.filter((desk) => fresh.has(desk.room))
  const staying = kept.length < places ? kept : [] // so many that they take turns, too
  const others = desks.filter((desk) => !staying.includes(desk))
  const free = places - staying.length
  const begin = Math.min((turn % Math.ceil(others.length / free)) * free, others.length - free)
  const shown = new Set([...staying, ...others.slice(begin, begin + free)])
  return desks.filter((desk) => shown.has(desk))
}

export interface Turns {
  desks: ComputedRef<Desk[]>
  /** They have one line each. */
  low: ComputedRef<boolean>
  fresh: ComputedRef<ReadonlySet<string>>
}

/** What of a queue's desks `box` shows now. Nothing moves when a turn ends: others stand there. */
export function useTurns(queue: () => Queue | undefined, box: Readonly<Ref<HTMLElement | null>>): Turns {
  const now = useServerNow()
  const height = ref(Infinity) // in hundredths of the screen's shorter side
  const measure = () => (height.value = (100 * (box.value?.clientHeight || Infinity)) / Math.min(innerWidth, innerHeight))
  const observer = new ResizeObserver(measure)
  watch(box, (element) => {
    observer.disconnect()
    if (element) observer.observe(element)
    measure()
  })
  const all = computed(() => queue()?.desks ?? [])
  const places = computed(() => Math.max(1, Math.floor((height.value + GAP) / LEAST)))
  const fresh = computed(() => freshRooms(queue()?.called ?? [], now.value))
  const desks = computed(() => deskTurn(all.value, places.value, Math.floor(now.value / TURN), fresh.value))
  onScopeDispose(() => observer.disconnect())
  return { desks, fresh, low: computed(() => height.value / desks.value.length < AMPLE) }
}
