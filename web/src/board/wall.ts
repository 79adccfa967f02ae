/** Which queues are on this wall now: what the address or the choice says, or whatever is in the chosen rooms. */

import { computed, shallowRef, watch, type ComputedRef } from 'vue'
import { useRoute } from 'vue-router'
import { ask, known, schedule, serverNow, useServerNow } from '@/api'
import { isoDay } from '@/shared/format'
import { useLoad, type Load } from '@/shared/load'
import { sessionsOfToday } from '@/shared/sessions'
import { hospitalId, loadHospitals } from '@/staff/hospital'
import { asked, followsRooms, inRoom, useChoice, type Choice } from './choice'

const EVERY = 60_000 // milliseconds between two looks at what is in the rooms

export interface Wall {
  choice: Choice
  /** Ids of sessions. */
  shown: ComputedRef<string[]>
  byRooms: ComputedRef<boolean>
  load: Load<true>
}

export function useWall(): Wall {
  const route = useRoute()
  const now = useServerNow(10_000)
  const choice = useChoice()
  const today = computed(() => isoDay(now.value))
  const address = computed(() => asked(route.query.sessions).join())
  const byRooms = computed(() => followsRooms(choice, today.value))

  // a screen that was started at an address comes up with it again, without the address too
  watch(
    address,
    (ids) => {
      if (ids && ids !== choice.sessions.join()) Object.assign(choice, { by: 'sessions', sessions: ids.split(','), rooms: [], day: '' })
    },
    { immediate: true },
  )

  const inRooms = shallowRef<string[]>([]) // the last answer stands while there is none
  const load = useLoad(
    async () => {
      await known() // a screen that was started without a network learns later who it is
      await loadHospitals()
      if (!choice.day && choice.sessions.length) await learnDay(choice)
      if (byRooms.value) {
        const sessions = await sessionsOfToday(hospitalId.value)
        inRooms.value = choice.rooms.flatMap((room) => inRoom(sessions, room, serverNow())?.id ?? [])
      }
      return true as const
    },
    { every: EVERY, of: [byRooms, () => choice.rooms.join(), () => choice.sessions.join()] },
  )
  const shown = computed(() => (byRooms.value ? inRooms.value : address.value || choice.day === today.value ? choice.sessions : []))
  return { choice, shown, byRooms, load }
}

/** An address names sessions alone; of which day they are, and in which rooms, is known from then on. */
async function learnDay(choice: Choice): Promise<void> {
  const found = await Promise.all(choice.sessions.map((session_id) => ask(schedule.GET('/api/v1/sessions/{session_id}', { params: { path: { session_id } } }))))
  Object.assign(choice, { day: found[0]!.date, rooms: [...new Set(found.map((session) => session.room))] })
}
