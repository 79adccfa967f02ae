/** Parked messages, of all services alike: each service has the same routes under a name of its own. */

import { ask, booking, notify, payment, schedule, user, type BookingSchemas } from '@/api'

export type Parked = BookingSchemas['Parked']
type Query = { params: { query: { cursor?: string; limit: number } } }
type Path = { params: { path: { message_id: string } } }

const SERVICES = {
  'user-svc': {
    list: (q: Query) => user.GET('/api/v1/parked/user-svc', q),
    show: (p: Path) => user.GET('/api/v1/parked/user-svc/{message_id}', p),
    replay: (p: Path) => user.POST('/api/v1/parked/user-svc/{message_id}/replay', p),
    drop: (p: Path & { body: { why: string } }) => user.POST('/api/v1/parked/user-svc/{message_id}/drop', p),
  },
  'schedule-svc': {
    list: (q: Query) => schedule.GET('/api/v1/parked/schedule-svc', q),
    show: (p: Path) => schedule.GET('/api/v1/parked/schedule-svc/{message_id}', p),
    replay: (p: Path) => schedule.POST('/api/v1/parked/schedule-svc/{message_id}/replay', p),
    drop: (p: Path & { body: { why: string } }) => schedule.POST('/api/v1/parked/schedule-svc/{message_id}/drop', p),
  },
  'booking-svc': {
    list: (q: Query) => booking.GET('/api/v1/parked/booking-svc', q),
    show: (p: Path) => booking.GET('/api/v1/parked/booking-svc/{message_id}', p),
    replay: (p: Path) => booking.POST('/api/v1/parked/booking-svc/{message_id}/replay', p),
    drop: (p: Path & { body: { why: string } }) => booking.POST('/api/v1/parked/booking-svc/{message_id}/drop', p),
  },
  'payment-svc': {
    list: (q: Query) => payment.GET('/api/v1/parked/payment-svc', q),
    show: (p: Path) => payment.GET('/api/v1/parked/payment-svc/{message_id}', p),
    replay: (p: Path) => payment.POST('/api/v1/parked/payment-svc/{message_id}/replay', p),
    drop: (p: Path & { body: { why: string } }) => payment.POST('/api/v1/parked/payment-svc/{message_id}/drop', p),
  },
  'notify-svc': {
    list: (q: Query) => notify.GET('/api/v1/parked/notify-svc', q),
    show: (p: Path) => notify.GET('/api/v1/parked/notify-svc/{message_id}', p),
    replay: (p: Path) => notify.POST('/api/v1/parked/notify-svc/{message_id}/replay', p),
    drop: (p: Path & { body: { why: string } }) => notify.POST('/api/v1/parked/notify-svc/{message_id}/drop', p),
  },
}

export type Service = keyof typeof SERVICES
export const services = Object.keys(SERVICES) as Service[]

export function list(service: Service, cursor?: string) {
  return ask(SERVICES[service].list({ params: { query: { cursor, limit: 50 } } }))
}

export function show(service: Service, message_id: string) {
  return ask(SERVICES[service].show({ params: { path: { message_id } } }))
}

/** Handle it again. Raises Problem `still_fails`, with the reason, if it does. */
export function replay(service: Service, message_id: string) {
  return ask(SERVICES[service].replay({ params: { path: { message_id } } }))
}

/** Forget it for good. */
export function drop(service: Service, message_id: string, why: string) {
  return ask(SERVICES[service].drop({ params: { path: { message_id } }, body: { why } }))
}
