/** What a screen shows: kept here, so that a screen that restarts comes up by itself. */

import { reactive, watch } from 'vue'
import type { Session } from '@/api'
import { local } from '@/shared/storage'

export const MOST = 4
const KEY = 'haoyuan.board'
const EARLY = 60 * 60_000 // milliseconds before a session at which its room shows it

export interface Choice {
  by: 'sessions' | 'rooms'
  sessions: string[]
  /** Also of the chosen sessions: on another day, these rooms are shown. */
  rooms: string[]
  day: string
  sound: boolean
  english: boolean
  door: boolean
}

export function readChoice(kept: string | null): Choice {
  const first: Choice = { by: 'sessions', sessions: [], rooms: [], day: '', sound: true, english: false, door: true }
  try {
    const found = JSON.parse(kept ?? '{}') as Partial<Choice>
    const texts = (value: unknown) => (Array.isArray(value) ? value.filter((x): x is string => typeof x === 'string').slice(0, MOST) : [])
    return {
      by: found.by === 'rooms' ? 'rooms' : 'sessions',
      sessions: texts(found.sessions),
      rooms: texts(found.rooms),
      day: typeof found.day === 'string' ? found.day : '',
      sound: found.sound !== false,
      english: found.english === true,
      door: found.door !== false,
    }
  } catch {
    return first
  }
}

export function useChoice(): Choice {
  const choice = reactive(readChoice(local.getItem(KEY)))
  watch(choice, () => local.setItem(KEY, JSON.stringify(choice)))
  return choice
}

/** `sessions=a,b` of the address. */
export function asked(query: unknown): string[] {
  return typeof query === 'string' ? [...new Set(query.split(',').filter(Boolean))].slice(0, MOST) : []
}

/** Chosen sessions stand for their day; after it, and if rooms were chosen, whatever is in the rooms. */
export function followsRooms(choice: Choice, today: string): boolean {
  return choice.rooms.length > 0 && (choice.by === 'rooms' || choice.day !== today)
}

/** The session that a room shows now: the one that is on, else the next one, else the last one of the day. */
export function inRoom(sessions: Session[], room: string, now: number): Session | undefined {
  const here = sessions.filter((s) => s.room === room && s.state !== 'stopped').sort((a, b) => a.starts_at.localeCompare(b.starts_at))
  const begun = here.filter((s) => now >= Date.parse(s.starts_at) - EARLY)
  return begun.at(-1) ?? here[0]
}
