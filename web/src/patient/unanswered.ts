/** What was asked for and not answered: the same wish goes out again under the same key, after a reload, too, and is one. */

import { newKey, Problem } from '@/api'
import { shelf } from './shelf'

export interface Asked<W> {
  key: string
  wish: W
  /** What she had chosen when it was asked for. */
  by: string
}

const kept = shelf<Asked<unknown>>('haoyuan.asked')

/** What is to be sent for `what`: what went unanswered, if that was by the same choice; else her wish as it is now. */
export function asking<W>(what: string, by: string, wish: () => W): Asked<W> {
  const before = kept.get(what) as Asked<W> | undefined
  if (before?.by === by && before.key) return before
  const now = { key: newKey(), wish: wish(), by }
  kept.put(what, now)
  return now
}

/** It is answered: the next is another one. */
export function answered(what: string): void {
  kept.drop(what)
}

/** The answer was definite: pressing again is another wish. Without one, it is the same once more. */
export function settled(error: unknown): boolean {
  return error instanceof Problem && error.status < 500
}
