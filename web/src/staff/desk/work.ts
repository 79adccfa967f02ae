/** All that the desk does, and what it knows: the live queue, the room, who is there. */

import { computed, reactive, ref, watch, type ComputedRef, type Ref } from 'vue'
import { account, ask, booking, Problem, schedule, serverNow, Unreachable, type Visit } from '@/api'
import { t } from '@/i18n'
import { say } from '@/i18n/problems'
import { useAct } from '@/shared/act'
import { ticketName, type InLine, type Queue } from '@/shared/clinic'
import { clock, isoDay, moment } from '@/shared/format'
import { useLive } from '@/shared/live'
import { useLoad } from '@/shared/load'
import { local } from '@/shared/storage'
import { mayAct, type Action } from './actions'
import { isUnanswered, Unanswered, type Make } from './unanswered'

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
  const shown = useShown(sessionId)
  const presses = usePresses(shown, () => [next, visitAct, queueAct])
  const next = useNext(shown, presses.doing)
  const visitAct = useVisitAct(shown, presses.doing)
  const queueAct = useQueueAct(shown, presses.doing)
  const { said, settled, clear } = presses
  return reactive({ sessionId, ...shown, said, settled, next, visitAct, queueAct, clear })
}

type Shown = ReturnType<typeof useShown>

/** What there is: the session, its live queue, and who is in this room. */
function useShown(sessionId: string) {
  const params = { path: { session_id: sessionId } }
  const session = useLoad(() => ask(schedule.GET('/api/v1/sessions/{session_id}', { params })))
  const live = useLive<Queue, Queue>({
    path: `/api/v1/sessions/${sessionId}/queue/stream`,
    event: 'queue',
    fetch: () => ask(booking.GET('/api/v1/sessions/{session_id}/queue', { params })),
    merge: (_, told) => told,
  })
  const queue = computed(() => live.data)
  const room = useRoom(queue, () => session.data?.room)
  const desk = computed(() => queue.value?.desks.find((d) => d.room === room.value))
  /** undefined: no desk is open there; null: nobody is there. */
  const there = computed(() => (desk.value ? desk.value.visit : undefined))
  const details = useLoad<Visit | null>(
    async () => (there.value?.visit_id ? await visitOf(there.value.visit_id) : null),
    { of: [() => `${there.value?.visit_id} ${there.value?.state} ${desk.value?.called_at}`] },
  )
  const may = computed(() => Boolean(queue.value && mayAct(account.value, session.data?.doctor.id ?? '', queue.value)))
  return { params, session, live, queue, room, desk, there, details, may }
}

/** The room that was chosen last, if this line is served there; else one of its own. */
function useRoom(queue: ComputedRef<Queue | undefined>, planned: () => string | undefined): Ref<string> {
  const room = ref(local.getItem(ROOM) ?? '')
  watch(room, (now) => local.setItem(ROOM, now))
  watch(
    () => [queue.value?.desks.length, planned()],
    () => {
      const rooms = queue.value?.desks.map((desk) => desk.room) ?? []
      if (queue.value && planned() !== undefined && !rooms.includes(room.value)) room.value = rooms[0] ?? planned()!
    },
  )
  return room
}

type Doing = ReturnType<typeof usePresses>['doing']

/** What is pressed, and what becomes of presses that had no answer. acts: all that can be pressed. */
function usePresses({ live, queue, details }: Shown, acts: () => { error: unknown }[]) {
  const said = ref('')
  const settled = ref(0) // counts what had no answer, and turned out to be over
  const unanswered = new Unanswered()
  const forgive = (which: (error: unknown) => boolean) => acts().forEach((act) => which(act.error) && (act.error = undefined))
  const clear = () => forgive(() => true)

  /** The queue may show that it has happened, or that it is out of date: then there is nothing to press again, and nothing to complain of. */
  function settle(): void {
    const words = unanswered.settle()
    if (words === undefined) return
    forgive(isUnanswered)
    said.value = words
    settled.value++
  }
  watch(queue, settle, { flush: 'sync' })
  // what the network did is over when all is live again; what had no answer is kept nevertheless
  watch(() => live.freshness, (now) => now === 'live' && forgive((error) => error instanceof Unreachable))

  /** Do it, then see what has become of it. Somebody else may have been quicker: then what is there now is shown. */
  async function doing<T>(intention: unknown[], words: (answer: T) => string, make: Make<T>): Promise<void> {
    clear()
    said.value = ''
    const seeing = () => live.reload().then(() => void details.reload())
    try {
      const answer = await unanswered.ask(intention, make)
      await seeing()
      said.value = words(answer)
    } catch (error) {
      await seeing()
      settle()
      if (!isUnanswered(error) || unanswered.has(intention)) throw error
    }
  }
  return { said, settled, clear, doing }
}

function useNext({ params, queue, room, there, details }: Shown, doing: Doing) {
  return useAct(async (outcome: 'done' | 'passed') => {
    const at = room.value
    const words = (called: { visit?: { ticket: string } | null }) => calledWords(called.visit)
    await doing(['next', outcome, at], words, (headers) => {
      const after = there.value?.visit_id ?? null
      const known = details.data
      const body = { room: at, after, call: known && known.id === after ? known.calls : null, outcome }
      const before = callIn(queue.value, at)
      return {
        ask: () => ask(booking.POST('/api/v1/sessions/{session_id}/queue/next', { params, body, headers })),
        over: () => callIn(queue.value, at) !== before,
        words: () => calledWords(queue.value?.desks.find((d) => d.room === at)?.visit),
      }
    })
  })
}

function useVisitAct({ queue, room }: Shown, doing: Doing) {
  return useAct(async (action: Action, visit: Pick<InLine, 'visit_id' | 'order_id' | 'ticket'>, asked: Asked = { why: '' }) => {
    const at = room.value
    const words = () => t(`desk.said.${action}`, { ticket: ticketName(visit.ticket) })
    await doing([action, visit.visit_id, asked, at], words, (headers) => {
      const before = standing(queue.value, visit.visit_id)
      const body = { ...asked }
      return {
        ask: () => sent(action, visit, body, at, headers),
        over: () => standing(queue.value, visit.visit_id) !== before,
        words: () => (ringing(action, queue.value, visit.visit_id) ? words() : ''), // anybody may have done the others: the lists show it
      }
    })
  })
}

function useQueueAct({ queue }: Shown, doing: Doing) {
  /** of: all that makes it another one if it is pressed again. */
  return useAct(async (what: string, of: unknown, work: (headers: { 'Idempotency-Key': string }) => Promise<unknown>) => {
    const words = () => t(`desk.said.${what}`)
    await doing([what, of], words, (headers) => {
      const before = shownOf(what, queue.value)
      return { ask: () => work(headers), over: () => shownOf(what, queue.value) !== before, words: () => '' }
    })
  })
}

export function visitOf(visit_id: string): Promise<Visit> {
  return ask(booking.GET('/api/v1/visits/{visit_id}', { params: { path: { visit_id } } }))
}

function calledWords(visit: { ticket: string } | null | undefined): string {
  return visit ? t('desk.said.called', { ticket: ticketName(visit.ticket) }) : t('desk.said.nobody')
}

/** Which call stands in a room: another one if the same patient is called again. */
function callIn(queue: Queue | undefined, room: string): string {
  const desk = queue?.desks.find((d) => d.room === room)
  return JSON.stringify([desk?.visit?.visit_id, desk?.visit && desk.called_at])
}

/** How a visit stands in the queue. */
function standing(queue: Queue | undefined, visit_id: string | undefined): string {
  const { desks = [], waiting = [], away = [], missed, expected } = queue ?? {}
  const desk = desks.find((d) => d.visit?.visit_id === visit_id)
  const visit = desk?.visit ?? [...waiting, ...away, ...(missed ?? []), ...(expected ?? [])].find((v) => v.visit_id === visit_id)
  return JSON.stringify([visit?.state, visit?.visit_class, visit?.reason, visit?.passes, desk?.room, desk?.called_at])
}

function ringing(action: Action, queue: Queue | undefined, visit_id: string | undefined): boolean {
  return (action === 'call' || action === 'recall') && Boolean(queue?.desks.some((d) => d.visit?.visit_id === visit_id && d.visit?.state === 'called'))
}

/** What the queue shows of something that is done to the whole of it; of the others it shows nothing for certain. */
function shownOf(what: string, queue: Queue | undefined): string {
  if (what === 'open' || what === 'close_desk') return JSON.stringify(queue?.desks.map((d) => d.room))
  if (what === 'pause' || what === 'resume') return JSON.stringify(queue?.paused)
  if (what === 'discipline') return String(queue?.discipline)
  return what === 'close' ? String(queue?.state) : ''
}

function sent(action: Action, visit: Pick<InLine, 'visit_id' | 'order_id'>, asked: Asked, room: string, headers: Record<string, string>): Promise<unknown> {
  const params = { path: { visit_id: visit.visit_id! } }
  const { why, to_session_id = '', visit_class = 'appointment', reason = null } = asked
  switch (action) {
    case 'call':
    case 'recall':
      return ask(booking.POST('/api/v1/visits/{visit_id}/call', { params, headers, body: { room, why } }))
    case 'start':
      return ask(booking.POST('/api/v1/visits/{visit_id}/start', { params, headers }))
    case 'finish':
      return ask(booking.POST('/api/v1/visits/{visit_id}/finish', { params, headers }))
    case 'pass':
      return ask(booking.POST('/api/v1/visits/{visit_id}/pass', { params, headers }))
    case 'put_back':
      return ask(booking.POST('/api/v1/visits/{visit_id}/put-back', { params, headers, body: { why } }))
    case 'examine':
      return ask(booking.POST('/api/v1/visits/{visit_id}/examine', { params, headers }))
    case 'return':
      return ask(booking.POST('/api/v1/visits/{visit_id}/return', { params, headers }))
    case 'readmit':
      return ask(booking.POST('/api/v1/visits/{visit_id}/readmit', { params, headers, body: { why } }))
    case 'transfer':
      return ask(booking.POST('/api/v1/visits/{visit_id}/transfer', { params, headers, body: { to_session_id, why } }))
    case 'class':
      return ask(booking.POST('/api/v1/visits/{visit_id}/class', { params, headers, body: { visit_class, reason } }))
    case 'check_in':
      return ask(booking.POST('/api/v1/orders/{order_id}/check-in', { params: { path: { order_id: visit.order_id! } }, headers, body: {} }))
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
