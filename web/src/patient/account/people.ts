/** The people that one may book for, and what a form about one of them says. */

import { all, ask, user, type UserSchemas } from '@/api'
import { ageOn, CHILD, GROWN_UP, readResidentId, type Slip, type Told } from './residentId'

export type Person = UserSchemas['PatientOut']
export type IdType = Person['id_type']

export interface Filled {
  name: string
  id_type: IdType
  id_number: string
  phone: string
  birth_date: string
  sex: '' | 'female' | 'male'
  guardian_id: string
}

export function empty(): Filled {
  return { name: '', id_type: 'resident_id', id_number: '', phone: '', birth_date: '', sex: '', guardian_id: '' }
}

export function loadPeople(): Promise<Person[]> {
  return all((cursor) => ask(user.GET('/api/v1/users/me/patients', { params: { query: { cursor } as never } })))
}

/** What the number tells by itself, or what is wrong with it; undefined for documents that tell nothing, and before there is one. */
export function toldBy(filled: Pick<Filled, 'id_type' | 'id_number'>, today: string): Told | Slip | undefined {
  return filled.id_type === 'resident_id' && filled.id_number.trim() ? readResidentId(filled.id_number, today) : undefined
}

/** How old who is added would be; undefined while that is not known. */
export function ageOf(filled: Filled, today: string): number | undefined {
  const told = toldBy(filled, today)
  const born = typeof told === 'object' ? told.born : filled.id_type === 'resident_id' ? '' : filled.birth_date
  return born ? ageOn(born, today) : undefined
}

export const needsGuardian = (age: number | undefined): boolean => age !== undefined && age < CHILD
export const mayHaveGuardian = (age: number | undefined): boolean => age !== undefined && age < GROWN_UP

/** Who may answer for a child: grown-ups whose age is known. */
export function guardians(people: Person[], but?: string): Person[] {
  return people.filter((person) => person.id !== but && person.age !== null && person.age >= GROWN_UP)
}

/** As POST wants it: what is empty is left out, and what a resident ID tells is not said twice. */
export function toAdd(filled: Filled, today: string): UserSchemas['NewPatient'] {
  const { id_type, birth_date, sex, guardian_id } = filled
  const itself = id_type === 'resident_id'
  return {
    name: filled.name.trim(),
    id_type,
    id_number: filled.id_number.trim(),
    phone: filled.phone.trim(),
    birth_date: itself ? null : birth_date || null,
    sex: itself ? null : sex || null,
    guardian_id: (mayHaveGuardian(ageOf(filled, today)) && guardian_id) || null,
  }
}

/** As PATCH wants it: what was filled in, and the guardian if it is another one. */
export function toChange(filled: Filled, person: Person): UserSchemas['PatientChange'] {
  const change: UserSchemas['PatientChange'] = {}
  if (filled.name.trim()) change.name = filled.name.trim()
  if (filled.phone.trim()) change.phone = filled.phone.trim()
  if (filled.birth_date) change.birth_date = filled.birth_date
  if (filled.sex && filled.sex !== person.sex) change.sex = filled.sex
  if (filled.guardian_id !== (person.guardian_id ?? '')) change.guardian_id = filled.guardian_id || null
  return change
}
