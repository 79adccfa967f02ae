import { beforeEach, describe, expect, it } from 'vitest'
import { drop, keep, kept, noChoice, wishOf } from './choice'

const chosen = { patient: 'pat_1', slot: 'slt_1', wait: true, autoBook: false, voucher: ' 4821-0937 ' }
beforeEach(() => sessionStorage.clear())

describe('a choice', () => {
  it('outlasts a login, and is forgotten when it is used', () => {
    keep('ses_1', chosen)
    expect(kept('ses_1')).toEqual(chosen)
    expect(kept('ses_2')).toEqual(noChoice())
    drop('ses_1')
    expect(kept('ses_1')).toEqual(noChoice())
  })

  it('is begun anew where what was kept is broken', () => {
    sessionStorage.setItem('haoyuan.choices', '{')
    expect(kept('ses_1')).toEqual(noChoice())
    sessionStorage.setItem('haoyuan.choices', '{"ses_1": {"patient": 7, "slot": "slt_1"}}')
    expect(kept('ses_1')).toEqual({ ...noChoice(), slot: 'slt_1' })
  })

  it('becomes an order: a draw draws the time, and of what is full one waits', () => {
    expect(wishOf('ses_1', chosen, 'open')).toEqual({
      session_id: 'ses_1',
      patient_id: 'pat_1',
      slot_id: 'slt_1',
      join_waitlist: true,
      auto_book: false,
      voucher: '4821-0937',
    })
    expect(wishOf('ses_1', chosen, 'entering').slot_id).toBeNull()
    expect(wishOf('ses_1', noChoice(), 'open')).toMatchObject({ slot_id: null, join_waitlist: false, voucher: null })
    expect(wishOf('ses_1', noChoice(), 'sold_out').join_waitlist).toBe(true)
  })
})
