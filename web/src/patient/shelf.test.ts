import { beforeEach, expect, it } from 'vitest'
import { account, type Account } from '@/api'
import { shelf } from './shelf'

const notes = shelf<number>('notes')
const her = (id: string) => ({ id, roles: ['patient'] }) as unknown as Account
beforeEach(() => {
  account.value = null
  sessionStorage.clear()
})

it('keeps what was put there by its name, over a reload', () => {
  notes.put('a', 1)
  notes.put('b', 2)
  notes.drop('a')
  expect([notes.get('a'), notes.get('b'), shelf<number>('notes').get('b')]).toEqual([undefined, 2, 2])
  sessionStorage.setItem('notes', '{')
  expect(notes.get('b')).toBeUndefined()
})

it('outlasts a login, and is empty after a logout, or when somebody else has logged in', () => {
  notes.put('a', 1)
  account.value = her('acc_1')
  expect(notes.get('a')).toBe(1)
  account.value = { ...her('acc_1'), roles: ['patient', 'registrar'] }
  expect(notes.get('a')).toBe(1)
  account.value = null
  expect(sessionStorage.getItem('notes')).toBeNull()
  account.value = her('acc_1')
  notes.put('a', 1)
  account.value = her('acc_2')
  expect(sessionStorage.getItem('notes')).toBeNull()
})
