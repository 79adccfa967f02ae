/** The clinic day in words that phones, desks and boards share. */

import type { BookingSchemas } from '@/api'
import { currentLocale, named, t } from '@/i18n'

export type Queue = BookingSchemas['Queue']
export type InLine = BookingSchemas['InLine']
export type Spoken = BookingSchemas['Spoken']

const BESIDE = /[（(][^（()）]*[)）]\s*$/ // 第十二诊室（东楼三层靠近电梯）
const NAMED_ZH = /[室厅台窗口房区诊]$/
const NAMED_EN = /\b(room|desk|clinic)/i

/** Whether what is on the door says already, in whichever language, that it is a room. */
export function isNamed(room: string): boolean {
  return /[室厅]/.test(room) || NAMED_ZH.test(room.replace(BESIDE, '').trim()) || NAMED_EN.test(room)
}

/** Room B336, of B336 and of B336 诊室. */
export function englishRoom(room: string): string {
  const number = room.replace(/\s*诊室$/, '')
  return isNamed(number) || (number !== room && /[^\x20-\x7e]/.test(number)) ? room : `Room ${number}`
}

/** 101 诊室, of 101; what is on the door may be a whole name already. */
export function roomName(room: string): string {
  if (currentLocale() === 'en') return englishRoom(room)
  return isNamed(room) ? room : `${room} 诊室`
}

/** 7 号; tickets of walk-ins (W3) and of who came from another line (T9) are told by their letter. */
export function ticketName(ticket: string): string {
  return currentLocale() === 'en' ? `No. ${ticket}` : `${ticket} 号`
}

/** 优先 · 高龄: the class and why, for who goes before others; '' for everybody else. */
export function precedence({ visit_class, reason }: Pick<InLine, 'visit_class' | 'reason'>): string {
  if (visit_class !== 'emergency' && visit_class !== 'priority') return ''
  const why = reason ? ` · ${named('classReason', reason, 'unnamed.plain')}` : ''
  return t(`visitClass.${visit_class}`) + why
}
