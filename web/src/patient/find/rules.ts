/** A hospital's rules, as far as booking looks at them: the sentences that matter here, and until when one may wait. */

import type { ScheduleSchemas, Session } from '@/api'
import { addDays } from '@/shared/format'

export type Rules = ScheduleSchemas['RulesOut']
export type Sentence = ScheduleSchemas['Sentence']

export const GROUPS = ['booking', 'cancel', 'waitlist', 'draw', 'clinic', 'penalties'] as const
export type Group = (typeof GROUPS)[number]

const GROUP_OF: Record<string, Group> = {
  cancel: 'cancel',
  cool_down: 'cancel',
  rest: 'cancel',
  waitlist: 'waitlist',
  weights: 'draw',
  follow_up_days: 'draw',
  clinic: 'clinic',
  penalties: 'penalties',
}

/** The sentences by what they are about; a rule that is not known here is about booking. */
export function grouped(words: readonly Sentence[]): { group: Group; words: Sentence[] }[] {
  const of = (sentence: Sentence) => GROUP_OF[sentence.rule.split(/[.[]/, 1)[0]!] ?? 'booking'
  return GROUPS.map((group) => ({ group, words: words.filter((sentence) => of(sentence) === group) })).filter((part) => part.words.length > 0)
}

/** Which sentences one should have read before one asks for a number of this session. */
export function mattering(words: readonly Sentence[], session: Pick<Session, 'policy'>): Sentence[] {
  const wanted = ['limits', 'hold_minutes', ...(session.policy === 'weighted' ? ['weights'] : [])]
  return words.filter((sentence) => wanted.includes(sentence.rule.split(/[.[]/, 1)[0]!))
}

/** The sentence of the rule that refused: `limits[0]: at most 1 per doctor and day` begins with the rule's path. */
export function refusing(words: readonly Sentence[], rule: string): Sentence | undefined {
  const path = rule.split(':', 1)[0]
  return words.find((sentence) => sentence.rule === path)
}

interface Deadline {
  hours?: number | null
  days?: number | null
  workdays?: number | null
  at?: string | null
}

/**
 * When the waitlist of a session closes, milliseconds; never after it begins. What the rules say in workdays needs the calendar of
 * holidays, which only the server has: its beginning then, and the server refuses who comes too late.
 */
export function waitlistCloses({ rules }: Pick<Rules, 'rules'>, session: Pick<Session, 'starts_at' | 'date'>): number {
  const begins = Date.parse(session.starts_at)
  const closes = (rules.waitlist as { closes?: Deadline } | undefined)?.closes
  if (!closes || typeof closes.workdays === 'number') return begins
  if (typeof closes.hours === 'number') return begins - closes.hours * 3_600_000
  return Math.min(begins, Date.parse(`${addDays(session.date, -(closes.days ?? 0))}T${closes.at ?? '00:00'}:00+08:00`))
}
