/** Money and times as people read them, in the language of the page. All times are those of Shanghai: the hospitals'. */

import type { Money } from '@/api'
import { currentLocale, t } from '@/i18n'

const ZONE = 'Asia/Shanghai'

/** ¥50.00; from integer fen, without floating point on the way. */
export function money({ amount }: Pick<Money, 'amount'>): string {
  const fen = Math.abs(amount)
  return `${amount < 0 ? '-' : ''}¥${Math.floor(fen / 100).toLocaleString('en')}.${String(fen % 100).padStart(2, '0')}`
}

type Style = Intl.DateTimeFormatOptions

function by(style: Style): (time: string | number | Date) => string {
  const made = new Map<string, Intl.DateTimeFormat>()
  return (time) => {
    const locale = currentLocale()
    let format = made.get(locale)
    if (!format) made.set(locale, (format = new Intl.DateTimeFormat(locale, { timeZone: ZONE, ...style })))
    return format.format(new Date(time))
  }
}

/** 08:30 */
export const clock = by({ hour: '2-digit', minute: '2-digit', hourCycle: 'h23' })
/** 08:30:05 */
export const seconds = by({ hour: '2-digit', minute: '2-digit', second: '2-digit', hourCycle: 'h23' })
/** 11月23日周一 */
export const day = by({ month: 'short', day: 'numeric', weekday: 'short' })
/** 周一 */
export const weekday = by({ weekday: 'short' })
/** 2026年11月23日 */
export const date = by({ year: 'numeric', month: 'long', day: 'numeric' })
/** 11月23日 08:30 */
export const moment = by({ month: 'short', day: 'numeric', hour: '2-digit', minute: '2-digit', hourCycle: 'h23' })

/** 2026-11-23, as the API writes days; of a time, in Shanghai. */
export function isoDay(time: number | Date): string {
  iso ??= new Intl.DateTimeFormat('sv-SE', { timeZone: ZONE })
  return iso.format(time)
}
let iso: Intl.DateTimeFormat | undefined // to make one takes long, on phones

/** The day so many days later, both as 2026-11-23. */
export function addDays(day: string, days: number): string {
  const noon = new Date(`${day}T12:00:00Z`)
  noon.setUTCDate(noon.getUTCDate() + days)
  return noon.toISOString().slice(0, 10)
}

/** What is left of a time: 1 天 02:03:04, 02:03:04 or 03:04; never below zero. milliseconds. */
export function left(milliseconds: number): string {
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
