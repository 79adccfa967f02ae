/**
 * What this browser has seen of draws earlier, and keeps where the platform does not reach it: the commitment while entries were
 * open, the digest of the record when it was first shown. A record that was rewritten since agrees with neither.
 */

import { local } from '@/shared/storage'

export interface Noted {
  commitment?: string
  /** When the commitment was seen, milliseconds by the server's clock. */
  commitmentAt?: number
  digest?: string
  digestAt?: number
}

const KEY = 'haoyuan.draws'
const MOST = 100 // draws; the oldest are forgotten

type All = Record<string, Noted>

function all(): All {
  try {
    const kept: unknown = JSON.parse(local.getItem(KEY) ?? '{}')
    return kept && typeof kept === 'object' && !Array.isArray(kept) ? (kept as All) : {}
  } catch {
    return {}
  }
}

export function notedOf(sessionId: string): Noted {
  return all()[sessionId] ?? {}
}

/** Keep what was seen now, unless something was before: the first one counts. */
export function note(sessionId: string, name: 'commitment' | 'digest', value: string, now: number): Noted {
  const { [sessionId]: before = {}, ...others } = all()
  if (before[name]) return before
  const noted = { ...before, [name]: value, [`${name}At`]: now }
  const kept = Object.entries(others).slice(-(MOST - 1))
  local.setItem(KEY, JSON.stringify({ ...Object.fromEntries(kept), [sessionId]: noted }))
  return noted
}
