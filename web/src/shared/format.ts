/** Money and times as people read them, in the language of the page. All times are those of Shanghai: the hospitals'. */

import type { Money } from '@/api'
import { currentLocale, type Locale, t } from '@/i18n'

export { addDays } from './days'

const EAST = 8 * 3_600_000 // milliseconds of Shanghai before UTC; no other since 1991

/** ¥50.00; from integer fen, without floating point on the way. */
export function money({ amount }: Pick<Money, 'amount'>): string {
  const fen = Math.abs(amount)
  const yuan = String(Math.floor(fen / 100)).replace(/\B(?=(\d{3})+$)/g, ',') // Intl takes milliseconds for each, on phones
  return `${amount < 0 ? '-' : ''}¥${yuan}.${String(fen % 100).padStart(2, '0')}`
}

/** A time as the clocks on the walls of Shanghai show it, in the fields of UTC. Raises RangeError where there is no time. */
function onTheWall(time: Time): Date {
  const wall = new Date(new Date(time).getTime() + EAST)
  if (Number.isNaN(wall.getTime())) throw new RangeError(`no time: ${time}`)
  return wall
}

/** How a language writes days. `month` counts from 0. */
interface Calendar {
  weekdays: string
  day: (month: number, day: number) => string
  withWeekday: (day: string, weekday: string) => string
  moment: (day: string, clock: string) => string
  date: (year: number, month: number, day: number) => string
}

const MONTHS = 'January February March April May June July August September October November December'.split(' ')

// As Intl writes them (format.test.ts compares): its first format takes a phone a tenth of a second, in which nothing moves.
const CALENDARS: Record<Locale, Calendar> = {
  'zh-CN': {
    weekdays: '周日 周一 周二 周三 周四 周五 周六',
    day: (month, day) => `${month + 1}月${day}日`,
    withWeekday: (day, weekday) => day + weekday,
    moment: (day, clock) => `${day} ${clock}`,
    date: (year, month, day) => `${year}年${month + 1}月${day}日`,
  },
  en: {
    weekdays: 'Sun Mon Tue Wed Thu Fri Sat',
    day: (month, day) => `${MONTHS[month]!.slice(0, 3)} ${day}`,
    withWeekday: (day, weekday) => `${weekday}, ${day}`,
    moment: (day, clock) => `${day}, ${clock}`,
    date: (year, month, day) => `${MONTHS[month]} ${day}, ${year}`,
  },
}

type Time = string | number | Date
type Style = (wall: Date, calendar: Calendar) => string

function by(style: Style): (time: Time) => string {
  return (time) => style(onTheWall(time), CALENDARS[currentLocale()])
}

const dayOf: Style = (wall, calendar) => calendar.day(wall.getUTCMonth(), wall.getUTCDate())
const weekdayOf: Style = (wall, calendar) => calendar.weekdays.split(' ')[wall.getUTCDay()]!
const clockOf: Style = (wall) => wall.toISOString().slice(11, 16)

/** 08:30 */
export const clock = by(clockOf)
/** 08:30:05 */
export const seconds = by((wall) => wall.toISOString().slice(11, 19))
/** 11月23日周一 */
export const day = by((wall, calendar) => calendar.withWeekday(dayOf(wall, calendar), weekdayOf(wall, calendar)))
/** 周一 */
export const weekday = by(weekdayOf)
/** 2026年11月23日 */
export const date = by((wall, calendar) => calendar.date(wall.getUTCFullYear(), wall.getUTCMonth(), wall.getUTCDate()))
/** 11月23日 08:30; Nov 23, 08:30 */
export const moment = by((wall, calendar) => calendar.moment(dayOf(wall, calendar), clockOf(wall, calendar)))
/** 2026-11-23, as the API writes days; of a time, in Shanghai. */
export const isoDay = by((wall) => wall.toISOString().slice(0, 10))

/** What is left of a time: 1 天 02:03:04, 02:03:04 or 03:04; never below zero. milliseconds. Raises RangeError where there is no time. */
export function left(milliseconds: number): string {
  if (Number.isNaN(milliseconds)) throw new RangeError('no time')
  const whole = Math.max(0, Math.ceil(milliseconds / 1000))
  const two = (n: number) => String(n).padStart(2, '0')
  const [days, hours, minutes, rest] = [
    Math.floor(whole / 86400),
    Math.floor(whole / 3600) % 24,
    Math.floor(whole / 60) % 60,
    whole % 60,
  ]
  const time = hours || days ? `${two(hours)}:${two(minutes)}:${two(rest)}` : `${two(minutes)}:${two(rest)}`
  return days ? `${t('time.days', { n: days })} ${time}` : time
}

/** 25 分钟, of seconds; rounded up, for nobody is to come too late. */
export function minutes(seconds: number): string {
  return t('time.minutes', { n: Math.ceil(seconds / 60) })
}
