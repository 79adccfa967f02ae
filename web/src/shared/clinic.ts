/** The clinic day in words that phones, desks and boards share. */

import type { BookingSchemas } from '@/api'
import { currentLocale, t } from '@/i18n'

export type Queue = BookingSchemas['Queue']
export type InLine = BookingSchemas['InLine']
export type Spoken = BookingSchemas['Spoken']

const NAMED_ZH = /[室厅台窗口房区诊）)]$/
const NAMED_EN = /room|desk|clinic/i

/** 101 诊室, of 101; what is on the door may be a whole name already. */
export function roomName(room: string): string {
  if (currentLocale() === 'en') return NAMED_EN.test(room) ? room : `Room ${room}`
  return NAMED_ZH.test(room) ? room : `${room} 诊室`
}

/** 7 号; tickets of walk-ins (W3) and of who came from another line (T9) are told by their letter. */
export function ticketName(ticket: string): string {
  return currentLocale() === 'en' ? `No. ${ticket}` : `${ticket} 号`
}

/** 优先 · 高龄: the class and why, for who goes before others; '' for everybody else. */
export function precedence({ visit_class, reason }: Pick<InLine, 'visit_class' | 'reason'>): string {
  if (visit_class !== 'emergency' && visit_class !== 'priority') return ''
  const why = reason ? ` · ${t(`classReason.${reason}`)}` : ''
  return t(`visitClass.${visit_class}`) + why
}
