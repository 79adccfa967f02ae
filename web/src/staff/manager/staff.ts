/** The form by which somebody gets her roles at a hospital. */

import type { UserSchemas } from '@/api'

export type StaffIn = UserSchemas['StaffIn']
export type StaffRole = StaffIn['roles'][number]
export const ROLES: StaffRole[] = ['doctor', 'registrar', 'cashier', 'hospital_admin', 'board']

export interface StaffForm {
  username: string
  roles: StaffRole[]
  doctor_id: string
  password: string
}

/** The names of the fields that are wrong, with the words' codes. A screen on a wall is nothing else, and has a password of its own. */
export function wrongIn(form: StaffForm): Partial<Record<keyof StaffForm, string>> {
  const wrong: Partial<Record<keyof StaffForm, string>> = {}
  const board = form.roles.includes('board')
  if (!form.username.trim()) wrong.username = 'missing'
  if (!form.roles.length) wrong.roles = 'noRole'
  if (board && form.roles.length > 1) wrong.roles = 'boardAlone'
  if (form.roles.includes('doctor') && !form.doctor_id) wrong.doctor_id = 'missing'
  if (board && !form.password) wrong.password = 'missing'
  return wrong
}

export function bodyOf(form: StaffForm, hospital: string): StaffIn {
  return {
    username: form.username.trim(),
    roles: form.roles,
    doctor_id: form.roles.includes('doctor') ? form.doctor_id : null,
    hospital_id: hospital,
    ...(form.roles.includes('board') ? { password: form.password } : {}),
  }
}
