import { describe, expect, it } from 'vitest'
import { ageOf, empty, guardians, mayHaveGuardian, needsGuardian, toAdd, toChange, toldBy, type Person } from './people'

const TODAY = '2026-11-23'
const WOMAN = '11010519491231002X'

const person = (id: string, age: number | null, guardian_id: string | null = null) => ({ id, age, guardian_id, sex: 'female' }) as Person

describe('a person to book for', () => {
  it('is as old as the document says, and nobody guesses', () => {
    expect(ageOf({ ...empty(), id_number: WOMAN }, TODAY)).toBe(76)
    expect(ageOf({ ...empty(), id_number: '1101', birth_date: '2020-01-01' }, TODAY)).toBeUndefined()
    expect(ageOf({ ...empty(), id_type: 'passport', id_number: 'E1234567', birth_date: '2020-01-01' }, TODAY)).toBe(6)
    expect(ageOf({ ...empty(), id_type: 'passport' }, TODAY)).toBeUndefined()
    expect(toldBy({ id_type: 'resident_id', id_number: '' }, TODAY)).toBeUndefined()
  })

  it('needs a guardian below 14, may have one below 18', () => {
    expect([13, 14, 17, 18, undefined].map(needsGuardian)).toEqual([true, false, false, false, false])
    expect([13, 14, 17, 18, undefined].map(mayHaveGuardian)).toEqual([true, true, true, false, false])
    expect(guardians([person('a', 40), person('b', 17), person('c', null), person('d', 18)], 'a').map((p) => p.id)).toEqual(['d'])
  })

  it('is sent as the API wants it', () => {
    const grown = { ...empty(), name: ' 张三 ', id_number: ` ${WOMAN} `, phone: ' 13812345678 ', birth_date: '2020-01-01', sex: 'male' as const, guardian_id: 'pat_1' }
    expect(toAdd(grown, TODAY)).toEqual({ name: '张三', id_type: 'resident_id', id_number: WOMAN, phone: '13812345678', birth_date: null, sex: null, guardian_id: null })
    const child = { ...grown, id_type: 'passport' as const, id_number: 'E1234567' }
    expect(toAdd(child, TODAY)).toMatchObject({ birth_date: '2020-01-01', sex: 'male', guardian_id: 'pat_1' })
  })

  it('is changed where something was filled in, and nowhere else', () => {
    expect(toChange({ ...empty(), guardian_id: 'pat_1', sex: 'female' }, person('x', 10, 'pat_1'))).toEqual({})
    expect(toChange({ ...empty(), phone: '138', guardian_id: '' }, person('x', 15, 'pat_1'))).toEqual({ phone: '138', guardian_id: null })
    expect(toChange({ ...empty(), guardian_id: 'pat_2' }, person('x', 10, 'pat_1'))).toEqual({ guardian_id: 'pat_2' })
  })
})
