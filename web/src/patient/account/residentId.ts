/**
 * The number of a resident ID (GB 11643): six digits of the region, eight of the birth date, three of order (odd: a man), one that
 * checks the others (ISO 7064, MOD 11-2). Looked at before it is sent, so that a slip of the finger is told at once.
 */

export type Slip = 'residentForm' | 'residentRegion' | 'residentCheck' | 'birthDate'

export interface Told {
  /** 1990-03-07 */
  born: string
  sex: 'female' | 'male'
}

const WEIGHTS = [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2]
const CHECKS = '10X98765432'
/** The first two digits of what exists: provinces by number, and from 2018 on who comes from Taiwan, Hong Kong and Macau. */
const REGIONS = /^(1[1-5]|2[1-3]|3[1-7]|4[1-6]|5[0-4]|6[1-5]|71|8[1-3])/
const OLDEST = 130 // years

/** What the number tells, or what cannot be right about it. today: 2026-11-23. */
export function readResidentId(text: string, today: string): Told | Slip {
  const number = text.trim().toUpperCase()
  if (!/^\d{17}[\dX]$/.test(number)) return 'residentForm'
  const sum = WEIGHTS.reduce((total, weight, i) => total + weight * Number(number[i]), 0)
  if (number[17] !== CHECKS[sum % 11]) return 'residentCheck'
  if (!REGIONS.test(number)) return 'residentRegion'
  const born = `${number.slice(6, 10)}-${number.slice(10, 12)}-${number.slice(12, 14)}`
  if (!isDay(born) || born > today || Number(born.slice(0, 4)) < Number(today.slice(0, 4)) - OLDEST) return 'birthDate'
  return { born, sex: Number(number[16]) % 2 ? 'male' : 'female' }
}

/** Whether there is such a day: 2025-02-29 is none. */
export function isDay(text: string): boolean {
  const time = new Date(`${text}T00:00:00Z`)
  return !Number.isNaN(time.getTime()) && time.toISOString().startsWith(text)
}

/** In whole years; who was born on 29 February is a year older on 1 March. Both as 2026-11-23. */
export function ageOn(born: string, today: string): number {
  const years = Number(today.slice(0, 4)) - Number(born.slice(0, 4))
  return today.slice(5) < born.slice(5) ? years - 1 : years
}

/** Below it a guardian answers for her; from the other on she may be one. In years. */
export const CHILD = 14
export const GROWN_UP = 18
export const MOST_PEOPLE = 4
