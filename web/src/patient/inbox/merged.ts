/** One list of what came page by page and what came since, each once, the newest first. */

import type { NotifySchemas } from '@/api'

export type Told = NotifySchemas['NotificationOut']

/** Of two copies of one message the first stands: the newer one, and who has read it, has read it. */
export function merged(...parts: Told[][]): Told[] {
  const found = new Map<string, Told>()
  for (const one of parts.flat()) {
    const before = found.get(one.id)
    if (!before) found.set(one.id, one)
    else if (!before.read_at && one.read_at) found.set(one.id, { ...before, read_at: one.read_at })
  }
  return [...found.values()].sort((a, b) => Date.parse(b.created_at) - Date.parse(a.created_at))
}

/** The kinds of a delivery's reason that have words; all others are told as "could not be sent". */
const REASONS = ['no_address', 'address_dead', 'opted_out', 'quiet_hours', 'overtaken', 'no_longer_stands', 'expired', 'no_carrier']

export function reasonKey(reason: string): string {
  return REASONS.includes(reason) ? reason : 'other'
}
