/** What she has chosen for a session, kept in this tab while she logs in or adds a person. */

import { shelf } from '../../shelf'
import type { Phase } from '../phase'

export interface Choice {
  patient: string
  /** '': the earliest there is. */
  slot: string
  /** Wait if there is no number, or if the draw gives none. */
  wait: boolean
  autoBook: boolean
  voucher: string
}

const choices = shelf<Record<string, unknown>>('haoyuan.choices')

export function noChoice(): Choice {
  return { patient: '', slot: '', wait: false, autoBook: true, voucher: '' }
}

export function keep(session: string, choice: Choice): void {
  choices.put(session, { ...choice })
}

/** What was kept, as far as it is whole. */
export function kept(session: string): Choice {
  const choice = noChoice()
  const found = choices.get(session) ?? {}
  for (const name of ['patient', 'slot', 'voucher'] as const) if (typeof found[name] === 'string') choice[name] = found[name]
  for (const name of ['wait', 'autoBook'] as const) if (typeof found[name] === 'boolean') choice[name] = found[name]
  return choice
}

export function drop(session: string): void {
  choices.drop(session)
}

export interface Wish {
  session_id: string
  patient_id: string
  slot_id: string | null
  join_waitlist: boolean
  auto_book: boolean
  voucher: string | null
}

/** The order that follows from it. A draw draws the time, too; of what is full one can only wait for it. */
export function wishOf(session: string, choice: Choice, phase: Phase): Wish {
  return {
    session_id: session,
    patient_id: choice.patient,
    slot_id: phase === 'entering' ? null : choice.slot || null,
    join_waitlist: phase === 'sold_out' || choice.wait,
    auto_book: choice.autoBook,
    voucher: choice.voucher.trim() || null,
  }
}
