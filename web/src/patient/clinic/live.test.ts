import { describe, expect, it } from 'vitest'
import { told, type LiveVisit, type Told } from './live'

const known = { id: 'vis_1', state: 'expected', ticket: '7', check_in: { opens_at: 'x' }, visit: { room: 'A101' }, name: '李*', paused: null, serving: null } as unknown as LiveVisit
const news = { id: 'vis_1', state: 'called', ticket: '7', room: '3', calls: 1, passes: 0, ahead: null, paused: null, serving: [{ room: '3', ticket: '7' }], queue_id: 'q' } as unknown as Told

describe('what a visit’s stream tells', () => {
  it('is put over what was known, which stays', () => {
    expect(told(known, news)).toMatchObject({ state: 'called', room: '3', calls: 1, name: '李*', visit: { room: 'A101' } })
  })

  it('ends check-in with its state', () => {
    expect(told(known, news)!.check_in).toBeNull()
    expect(told(known, { ...news, state: 'expected' })!.check_in).toEqual({ opens_at: 'x' })
  })

  it('keeps a call that came to nothing until the next one', () => {
    const vain_call = { at: '2026-11-23T09:12:00+08:00', ended: 'passed' } as const
    const back = { ...known, state: 'waiting', calls: 1, vain_call } as LiveVisit
    expect(told(back, { ...news, state: 'waiting' })!.vain_call).toEqual(vain_call)
    expect(told(back, { ...news, state: 'called', calls: 2 })!.vain_call).toBeNull()
    expect(told(back, { ...news, state: 'waiting', calls: 2 })!.vain_call).toBeNull() // of that one nothing is known yet
  })

  it('says nothing of a visit that is not known yet', () => {
    expect(told(undefined, news)).toBeUndefined()
  })
})
