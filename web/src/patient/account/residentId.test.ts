import { describe, expect, it } from 'vitest'
import { ageOn, isDay, readResidentId } from './residentId'

const TODAY = '2026-11-23'

/** A number with its check digit, found by trying: the test has no second copy of the rule. */
function checked(first17: string): string {
  const right = [...'0123456789X'].filter((digit) => typeof readResidentId(first17 + digit, TODAY) !== 'string' || readResidentId(first17 + digit, TODAY) !== 'residentCheck')
  expect(right).toHaveLength(1)
  return first17 + right[0]
}

describe('a resident ID', () => {
  it('tells when she was born, and her sex (examples of GB 11643)', () => {
    expect(readResidentId('11010519491231002X', TODAY)).toEqual({ born: '1949-12-31', sex: 'female' })
    expect(readResidentId('440524188001010014', '1950-01-01')).toEqual({ born: '1880-01-01', sex: 'male' })
    expect(readResidentId(' 11010519491231002x ', TODAY)).toEqual({ born: '1949-12-31', sex: 'female' })
  })

  it('has one right check digit, and every single slip and swap of neighbours is found', () => {
    const good = checked('11010119900307123')
    for (let i = 0; i < 18; i++) {
      for (const digit of '0123456789X') {
        const changed = good.slice(0, i) + digit + good.slice(i + 1)
        if (changed !== good) expect(typeof readResidentId(changed, TODAY)).toBe('string')
      }
      const swapped = good.slice(0, i) + good.slice(i + 1, i + 2) + good[i] + good.slice(i + 2)
      if (swapped !== good && i < 17) expect(typeof readResidentId(swapped, TODAY)).toBe('string')
    }
  })

  it('says what is wrong', () => {
    expect(readResidentId('1101011990030712', TODAY)).toBe('residentForm')
    expect(readResidentId('１１０１０５１９４９１２３１００２X', TODAY)).toBe('residentForm')
    expect(readResidentId(checked('99010119900307123'), TODAY)).toBe('residentRegion')
    expect(readResidentId(checked('11010120250229123'), TODAY)).toBe('birthDate')
    expect(readResidentId(checked('11010120261124123'), TODAY)).toBe('birthDate')
    expect(readResidentId(checked('11010118951231123'), TODAY)).toBe('birthDate')
    expect(readResidentId(checked('11010120261123123'), TODAY)).toMatchObject({ born: TODAY })
  })

  it('makes people as old as they are', () => {
    expect([ageOn('2012-11-23', TODAY), ageOn('2012-11-24', TODAY)]).toEqual([14, 13])
    expect([ageOn('2008-02-29', '2026-02-28'), ageOn('2008-02-29', '2026-03-01')]).toEqual([17, 18])
    expect([isDay('2024-02-29'), isDay('2025-02-29'), isDay('2025-13-01'), isDay('')]).toEqual([true, false, false, false])
  })
})
