/** All that the desk does, and what it knows: the live queue, the room, who is there. */

import { computed, reactive, ref, watch } from 'vue'
import { account, ask, booking, newKey, Problem, schedule, serverNow, type Visit } from '@/api'
import { t } from '@/i18n'
import { say } from '@/i18n/problems'
import { useAct } from '@/shared/act'
import { ticketName, type InLine, type Queue } from '@/shared/clinic'
import { clock, isoDay, moment } from '@/shared/format'
import { useLive } from '@/shared/live'
import { useLoad } from '@/shared/load'
import { mayAct, type Action } from './actions'

const ROOM = 'haoyuan.desk.room'

/** What a dialog asked for. */
export interface Asked {
  why: string
  to_session_id?: string
  visit_class?: Visit['visit_class']
  reason?: Visit['reason']
}

export type Desk = ReturnType<typeof useDesk>

export function useDesk(sessionId: string) {
  const params = { path: { session_id: sessionId } }
  const session = useLoad(() => ask(schedule.GET('/api/v1/sessions/{session_id}', { params })))
  const live = useLive<Queue, Queue>({
    path: `/api/v1/sessions/${sessionId}/queue/stream`,
    event: 'queue',
    fetch: () => ask(booking.GET('/api/v1/sessions/{session_id}/queue', { params })),
    merge: (_, told) => told,
  })
  const queue = computed(() => live.data)
  const room = ref(localStorage.getItem(ROOM) ?? '')
  watch(room, (now) => localStorage.setItem(ROOM, now))
  // the room that was chosen last, if this line is served there; else one of its own
  watch(
    () => [queue.value?.desks.length, session.data?.room],
    () => {
      const rooms = queue.value?.desks.map((desk) => desk.room) ?? []
      if (queue.value && session.data && !rooms.includes(room.value)) room.value = rooms[0] ?? session.data.room
    },
  )
  const desk = computed(() => queue.value?.desks.find((d) => d.room === room.value))
  /** undefined: no desk is open there; null: nobody is there. */
  const there = computed(() => (desk.value ? desk.value.visit : undefined))
  const details = useLoad<Visit | null>(
    async () => (there.value?.visit_id ? await visitOf(there.value.visit_id) : null),
    { of: [() => `${there.value?.visit_id} ${there.value?.state} ${desk.value?.called_at}`] },
  )
  const may = computed(() => Boolean(queue.value && mayAct(account.value, session.data?.doctor.id ?? '', queue.value)))
  const said = ref('')

  function clear(): void {
    for (const act of [next, visitAct, queueAct]) act.error = undefined
  }

  /** Do it, then see what has become of it. Somebody else may have been quicker: then what is there now is shown. */
  async function doing<T>(work: Promise<T>): Promise<T> {
    clear()
    said.value = ''
    try {
      return await work
    } finally {
      await live.reload()
      void details.reload()
    }
  }

  const next = useAct(async (outcome: 'done' | 'passed') => {
    const after = there.value?.visit_id ?? null
    const known = details.data
    const call = known && known.id === after ? known.calls : null
    const body = { room: room.value, after, call, outcome }
    const headers = { 'Idempotency-Key': newKey() }
    const called = await doing(ask(booking.POST('/api/v1/sessions/{session_id}/queue/next', { params, body, headers })))
    said.value = called.visit ? t('desk.said.called', { ticket: ticketName(called.visit.ticket) }) : t('desk.said.nobody')
  })

  const visitAct = useAct(async (action: Action, visit: Pick<InLine, 'visit_id' | 'order_id' | 'ticket'>, asked: Asked = { why: '' }) => {
    await doing(sent(action, visit, asked, room.value))
    said.value = t(`desk.said.${action}`, { ticket: ticketName(visit.ticket) })
  })

  const queueAct = useAct(async (what: string, work: () => Promise<unknown>) => {
    await doing(work())
    said.value = t(`desk.said.${what}`)
  })

  return reactive({ sessionId, params, session, live, queue, room, desk, there, details, may, said, next, visitAct, queueAct, clear })
}

export function visitOf(visit_id: string): Promise<Visit> {
  return ask(booking.GET('/api/v1/visits/{visit_id}', { params: { path: { visit_id } } }))
}

function sent(action: Action, visit: Pick<InLine, 'visit_id' | 'order_id'>, asked: Asked, room: string): Promise<unknown> {
  const params = { path: { visit_id: visit.visit_id! } }
  const { why, to_session_id = '', visit_class = 'appointment', reason = null } = asked
  switch (action) {
    case 'call':
    case 'recall':
      return ask(booking.POST('/api/v1/visits/{visit_id}/call', { params, body: { room, why } }))
    case 'start':
      return ask(booking.POST('/api/v1/visits/{visit_id}/start', { params }))
    case 'finish':
      return ask(booking.POST('/api/v1/visits/{visit_id}/finish', { params }))
    case 'pass':
      return ask(booking.POST('/api/v1/visits/{visit_id}/pass', { params }))
    case 'put_back':
      return ask(booking.POST('/api/v1/visits/{visit_id}/put-back', { params, body: { why } }))
    case 'examine':
      return ask(booking.POST('/api/v1/visits/{visit_id}/examine', { params }))
    case 'return':
      return ask(booking.POST('/api/v1/visits/{visit_id}/return', { params }))
    case 'readmit':
      return ask(booking.POST('/api/v1/visits/{visit_id}/readmit', { params, body: { why } }))
    case 'transfer':
      return ask(booking.POST('/api/v1/visits/{visit_id}/transfer', { params, body: { to_session_id, why } }))
    case 'class':
      return ask(booking.POST('/api/v1/visits/{visit_id}/class', { params, body: { visit_class, reason } }))
    case 'check_in':
      return ask(booking.POST('/api/v1/orders/{order_id}/check-in', { params: { path: { order_id: visit.order_id! } }, body: {} }))
  }
}

/** What was refused, in the desk's words. */
export function refusedWords(error: unknown, queue: Queue | undefined, closing = false): string {
  if (!(error instanceof Problem)) return say(error)
  const { current, from, visits, why } = error.extra
  switch (error.code) {
    case 'desk_moved_on':
    case 'desk_busy': {
      const there = queue?.desks.find((desk) => desk.visit && desk.visit.visit_id === current)?.visit
      return there ? t(`desk.refused.${error.code}`, { ticket: ticketName(there.ticket) }) : t(`desk.refused.${error.code}_nobody`)
    }
    case 'queue_paused':
      return t('desk.refused.queue_paused', { why: String(why) })
    case 'somebody_waits':
      return t('desk.refused.somebody_waits', { n: Number(visits) })
    case 'too_early':
      return from ? t(closing ? 'desk.refused.may_come' : 'desk.refused.too_early', { time: timeOf(String(from)) }) : t('desk.refused.other_day')
    case 'not_possible':
    case 'queue_closed':
    case 'desk_closed':
    case 'not_your_session':
    case 'too_late':
    case 'not_confirmed':
    case 'already_moving':
    case 'session_over':
    case 'session_stopped':
    case 'already_here':
    case 'nothing_to_change':
    case 'other_hospital':
    case 'other_day':
    case 'patient_not_found':
      return t(`desk.refused.${error.code}`)
    default:
      return say(error)
  }
}

function timeOf(time: string): string {
  return isoDay(Date.parse(time)) === isoDay(serverNow()) ? clock(time) : moment(time)
}
