/** Days that the API writes as 2026-11-23, for people. */

import { day, weekday as shortWeekday } from '@/shared/format'

/** Noon in Shanghai: on that day in every zone in which it is formatted there. */
function noon(iso: string): Date {
  return new Date(`${iso}T12:00:00+08:00`)
}

/** 11月23日周一 */
export function wholeDay(iso: string): string {
  return day(noon(iso))
}

/** 周一 */
export function weekday(iso: string): string {
  return shortWeekday(noon(iso))
}

/** 11/23 */
export function dayOfMonth(iso: string): string {
  return `${Number(iso.slice(5, 7))}/${Number(iso.slice(8))}`
}
