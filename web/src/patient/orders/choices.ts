/** The sessions that may take the place of what an order has. */

import { computed, type Ref } from 'vue'
import { ask, schedule, serverNow, type Order, type Session } from '@/api'
import { addDays, isoDay } from '@/shared/format'
import { useLoad, type Load } from '@/shared/load'

export type Range = 'doctor' | 'department'

const DAYS = 14
const EVERY = 20_000 // milliseconds: others take numbers, too

/** Of her doctor or department in the next two weeks; of a stopped session those that are offered. */
export function useChoices(order: Load<Order>, range: Ref<Range>): Load<Session[]> {
  const known = computed(() => order.data && `${order.data.id} ${order.data.state}`)
  return useLoad(
    async () => {
      const visit = order.data?.visit
      if (!order.data || !visit) return []
      if (order.data.state === 'substitute_offered') return await offered(order.data)
      const today = isoDay(serverNow())
      const whose = range.value === 'doctor' ? { doctor_id: visit.doctor_id } : { department_id: visit.department_id }
      const query = { ...whose, date_from: today, date_to: addDays(today, DAYS - 1), open_only: true, limit: 200 }
      return (await ask(schedule.GET('/api/v1/sessions', { params: { query } }))).items
    },
    { every: EVERY, of: [known, range] },
  )
}

async function offered(order: Order): Promise<Session[]> {
  return await Promise.all(
    order.substitutes.map(({ session_id }) => ask(schedule.GET('/api/v1/sessions/{session_id}', { params: { path: { session_id } } }))),
  )
}
