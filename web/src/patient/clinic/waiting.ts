/** A wait in words: what is told to who waits, made of GET /visits/{id}/wait. */

import type { BookingSchemas } from '@/api'
import { t } from '@/i18n'
import { clock } from '@/shared/format'

export type Wait = BookingSchemas['Wait']

const SOON = 60 // seconds
const ENOUGH = 10 // estimates; of fewer a share says nothing
const SAME = 60 // seconds by which a call must have moved to be worth a word

export interface WaitWords {
  /** 10:20–10:45, or 10:45 前: between these it will be, four times of five. */
  between: string
  likely: string
  /** 约 12 分钟 */
  minutes: string
  /** 最短 5 分钟，最长 30 分钟 */
  range: string
}

/** As times, and as minutes from `now` (the server's, milliseconds): the estimate is some seconds old when it is read. */
export function waitWords(wait: Pick<Wait, 'low_at' | 'high_at' | 'expected_at'>, now: number): WaitWords {
  const from = (time: string) => Math.max(0, (Date.parse(time) - now) / 1000)
  const [low, likely, high] = [from(wait.low_at), from(wait.expected_at), from(wait.high_at)]
  const most = Math.max(1, Math.ceil(high / 60))
  const least = Math.floor(low / 60)
  return {
    between:
      low < SOON
        ? t('clinic.wait.before', { time: clock(now + high * 1000) })
        : clock(wait.low_at) === clock(wait.high_at)
          ? clock(wait.low_at)
          : `${clock(wait.low_at)}–${clock(wait.high_at)}`,
    likely: likely < SOON ? t('clinic.wait.now') : clock(wait.expected_at),
    minutes: likely < SOON ? t('clinic.wait.soon') : t('clinic.wait.about', { n: Math.round(likely / 60) }),
    range: least < 1 ? t('clinic.wait.upTo', { n: most }) : t('clinic.wait.range', { low: least, high: most }),
  }
}

/** Whether the call comes sooner or later than was told last, and why; '' before anything was told. */
export function movedWords(moved: Wait['moved']): { how: string; why: string[] } | null {
  if (!moved) return null
  const n = Math.round(Math.abs(moved.seconds) / 60)
  const how = Math.abs(moved.seconds) < SAME ? 'same' : moved.seconds > 0 ? 'later' : 'sooner'
  const why = moved.reasons.filter(({ code }) => code !== 'time').map(({ code, count }) => t(`clinic.moved.${code}`, { n: count ?? 1 }))
  return { how: t(`clinic.wait.${how}`, { n }), why }
}

/** How often such estimates held here. */
export function coverageWords({ share, count, meant }: Wait['coverage']): string {
  if (share === null || count < ENOUGH) return t('clinic.coverage.none', { meant: Math.round(meant * 100) })
  return t('clinic.coverage.some', { count, share: Math.round(share * 100), meant: Math.round(meant * 100) })
}
