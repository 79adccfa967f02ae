/** 停诊: what a stop would end, and how far it has been settled. */

import type { BookingSchemas } from '@/api'

export type Stoppage = BookingSchemas['Stoppage']

/** What she types to show that she means this one: the doctor's name. */
export function means(typed: string, doctor: string): boolean {
  return typed.trim() === doctor.trim()
}

/** How much of the stop is done, 0 to 1: `most` is how many orders there were to settle. */
export function settledShare(board: Stoppage, most: number): number {
  if (board.settled) return 1
  return most ? Math.max(0, 1 - board.orders / most) : 0
}

/** Milliseconds until the board is asked for again: quickly while it moves, not at all where nothing will. `stopped`: it has been. */
export function rhythm(board: Stoppage | undefined, stopped: boolean): number {
  if (!stopped) return 15_000
  return board?.settled ? 0 : 1500 // booking-svc hears of the stop a moment later
}
