/** The API: a typed client for each service, and `ask`, which gives the answer or raises. */

import createClient from 'openapi-fetch'
import type { components as Audit, paths as AuditPaths } from './generated/audit'
import type { components as Booking, paths as BookingPaths } from './generated/booking'
import type { components as Notify, paths as NotifyPaths } from './generated/notify'
import type { components as Payment, paths as PaymentPaths } from './generated/payment'
import type { components as Schedule, paths as SchedulePaths } from './generated/schedule'
import type { components as User, paths as UserPaths } from './generated/user'
import { Problem, Unreachable } from './problem'
import { send } from './send'

const options = { baseUrl: window.location.origin, fetch: send }
export const user = createClient<UserPaths>(options)
export const schedule = createClient<SchedulePaths>(options)
export const booking = createClient<BookingPaths>(options)
export const payment = createClient<PaymentPaths>(options)
export const notify = createClient<NotifyPaths>(options)
export const audit = createClient<AuditPaths>(options)

export type AuditSchemas = Audit['schemas']
export type UserSchemas = User['schemas']
export type ScheduleSchemas = Schedule['schemas']
export type BookingSchemas = Booking['schemas']
export type PaymentSchemas = Payment['schemas']
export type NotifySchemas = Notify['schemas']

export type Session = ScheduleSchemas['Session']
export type Order = BookingSchemas['Order']
export type OrderState = Order['state']
export type Visit = BookingSchemas['ClinicVisit']
export type Money = ScheduleSchemas['Money']

interface Answer<T> {
  data?: T
  error?: unknown
  response: Response
}

/** The data of an answer: `await ask(booking.GET('/api/v1/orders'))`. Raises Problem or Unreachable. */
export async function ask<T>(answer: Promise<Answer<T>>): Promise<T> {
  const { data, error, response } = await answer.catch((cause: unknown) => {
    // an answer that breaks off, or is not what a service of ours writes, is none
    throw cause instanceof SyntaxError || cause instanceof DOMException || cause instanceof TypeError ? new Unreachable(cause) : cause
  })
  if (!response.ok) throw new Problem(response.status, (error ?? {}) as Record<string, unknown>)
  return data as T
}

interface Page<T> {
  items: T[]
  next_cursor: string | null
}

/** All items of a list, page after page; at most `most`. */
export async function all<T>(page: (cursor: string | undefined) => Promise<Page<T>>, most = 1000): Promise<T[]> {
  const items: T[] = []
  let cursor: string | undefined
  do {
    const found = await page(cursor)
    items.push(...found.items)
    cursor = found.next_cursor ?? undefined
  } while (cursor && items.length < most)
  return items
}

export { isGone, Problem, Unreachable } from './problem'
export { newKey } from './send'
export * from './session'
export { serverNow, tellingPause, useServerNow } from './clock'
