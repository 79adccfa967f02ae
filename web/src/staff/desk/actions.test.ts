import { describe, expect, it } from 'vitest'
import booking from '../../../../docs/openapi/booking-svc.json'
import type { Account } from '@/api'
import type { InLine, Queue } from '@/shared/clinic'
import { ACTIONS, mayAct, offered, presses, pressOf } from './actions'
import { messages } from './messages'

const open: Pick<Queue, 'state' | 'paused' | 'waiting'> = { state: 'open', paused: null, waiting: [{ ticket: '1', state: 'waiting' }] }
const paused = { ...open, paused: { why: '急救', since: '', until: null } }
const closed = { ...open, state: 'closed' as const }
const visit = (state: InLine['state'], order_id: string | null = 'ord_1') => ({ state, order_id })
const who = (roles: string[], doctor_id: string | null = null) => ({ roles, doctor_id }) as Account

describe('what a desk offers for a visit', () => {
  it('is what its state allows', () => {
    expect(offered(visit('expected'), open)).toEqual(['check_in', 'class', 'transfer'])
    expect(offered(visit('expected', null), open)).toEqual(['class', 'transfer'])
    expect(offered(visit('waiting'), open)).toEqual(['call', 'class', 'transfer'])
    expect(offered(visit('called'), open)).toEqual(['start', 'pass', 'recall', 'finish', 'examine', 'put_back', 'transfer'])
    expect(offered(visit('serving'), open)).not.toContain('pass')
    expect(offered(visit('away'), open)).toEqual(['return', 'finish', 'transfer'])
    expect(offered(visit('missed'), open)).toEqual(['readmit', 'finish'])
    for (const state of ['done', 'void', 'withdrawn', 'lapsed'] as const) expect(offered(visit(state), open)).toEqual([])
  })

  it('calls nobody in a pause', () => {
    expect(offered(visit('waiting'), paused)).toEqual(['class', 'transfer'])
    expect(offered(visit('called'), paused)).not.toContain('recall')
  })

  it('is after the end only what mends it', () => {
    expect(offered(visit('missed'), closed)).toEqual(['readmit', 'finish'])
    expect(offered(visit('waiting'), closed)).toEqual([])
  })

  it('has words, and each move of the history has', () => {
    for (const action of ACTIONS) expect(Object.keys(messages['zh-CN'].desk.act)).toContain(action)
    const moves = booking.components.schemas.VisitStep.properties.move.enum
    expect(Object.keys(messages['zh-CN'].desk.moves).sort()).toEqual([...moves].sort())
  })
})

describe('what the desk of a room offers', () => {
  it('goes by who is there', () => {
    expect(presses(undefined, open)).toEqual(['open'])
    expect(presses(null, open)).toEqual(['next'])
    expect(presses(null, { ...open, waiting: [] })).toEqual([])
    expect(presses(visit('called'), open)).toEqual(['start', 'next', 'finish', 'passed', 'recall', 'examine', 'put_back'])
    expect(presses(visit('serving'), open)).toEqual(['next', 'finish', 'examine', 'put_back'])
    expect(presses(visit('serving'), { ...open, waiting: [] })).toEqual(['finish', 'examine', 'put_back'])
    expect(presses(visit('called'), paused)).toEqual(['start', 'finish', 'examine', 'put_back'])
    expect(presses(visit('called'), closed)).toEqual([])
  })

  it('is everything for registrars, and for doctors their own', () => {
    const desks = [{ room: '1', doctor_id: 'doc_b', visit: null, called_at: null }]
    expect(mayAct(who(['registrar']), 'doc_a', { desks: [] })).toBe(true)
    expect(mayAct(who(['doctor'], 'doc_a'), 'doc_a', { desks: [] })).toBe(true)
    expect(mayAct(who(['doctor'], 'doc_b'), 'doc_a', { desks })).toBe(true)
    expect(mayAct(who(['doctor'], 'doc_c'), 'doc_a', { desks })).toBe(false)
    expect(mayAct(who(['cashier']), 'doc_a', { desks })).toBe(false)
    expect(mayAct(null, '', { desks })).toBe(false)
  })
})

describe('a key', () => {
  const key = (key: string, more: object = {}) => pressOf({ key, ctrlKey: false, metaKey: false, altKey: false, repeat: false, target: document.body, ...more })

  it('is a press, but not while it is held down, with a modifier, or typed into a field', () => {
    const field = document.createElement('input')
    expect([key('n'), key('N'), key('p'), key('x')]).toEqual(['next', 'next', 'passed', undefined])
    expect([key('n', { repeat: true }), key('n', { ctrlKey: true }), key('n', { altKey: true }), key('n', { target: field })]).toEqual([undefined, undefined, undefined, undefined])
  })
})
