/** Which calls a board has still to speak. Each has a `serial`, which grows with every call of a queue. */

import type { Spoken } from '@/shared/clinic'
import { local } from '@/shared/storage'

/** A call that was missed for longer is spoken only while it still stands: to send her to the room later would be wrong. */
export const LATE = 3 * 60_000 // milliseconds

/**
 * What is new of `called` (the newest first, as the queue tells it), in the order of the calls.
 * `last`: the greatest serial that was spoken here; undefined on a screen that has not yet shown this queue, which speaks what
 * stands. `at`: the queue's time, milliseconds.
 */
export function toSpeak(called: Spoken[], last: number | undefined, at: number): Spoken[] {
  return called
    .filter((call) => call.serial > (last ?? 0))
    .filter((call) => call.state === 'called' || (last !== undefined && at - Date.parse(call.at) <= LATE))
    .sort((a, b) => a.serial - b.serial)
}

export function newest(called: Spoken[]): number {
  return called.reduce((serial, call) => Math.max(serial, call.serial), 0)
}

const KEY = 'haoyuan.board.spoken'
const MOST = 40 // queues that are remembered: a wall has four, and each day others

/** The greatest serial that was spoken of each queue; over restarts of the screen. */
export class Memory {
  private readonly serials: Map<string, number>

  constructor(private readonly storage: Pick<Storage, 'getItem' | 'setItem'> = local) {
    this.serials = new Map(read(storage.getItem(KEY)))
  }

  last(queue: string): number | undefined {
    return this.serials.get(queue)
  }

  /** Never back. */
  spoke(queue: string, serial: number): void {
    if (serial <= (this.last(queue) ?? -1)) return
    this.serials.delete(queue) // the one that spoke last stands last
    this.serials.set(queue, serial)
    this.storage.setItem(KEY, JSON.stringify([...this.serials].slice(-MOST)))
  }
}

function read(kept: string | null): [string, number][] {
  try {
    const found: unknown = JSON.parse(kept ?? '[]')
    return Array.isArray(found) ? found.filter((row): row is [string, number] => Array.isArray(row) && typeof row[0] === 'string' && Number.isInteger(row[1])) : []
  } catch {
    return []
  }
}
