import { describe, expect, it } from 'vitest'
import { pace, paceOf, phaseOf, type Timed } from './phase'

const at = (time: string) => Date.parse(`2026-11-24T${time}+08:00`)
const session: Timed = {
  state: 'announced',
  policy: 'first_come',
  release_at: '2026-11-24T07:00:00+08:00',
  draw_at: null,
  ends_at: '2026-12-01T12:00:00+08:00',
  remaining: 3,
}
const draw: Timed = { ...session, policy: 'lottery', draw_at: '2026-11-24T12:00:00+08:00' }

describe('a session at a moment', () => {
  it('turns at the very second of its release, though it was announced when it was asked for', () => {
    expect(phaseOf(session, at('06:59:59.999'))).toBe('announced')
    expect(phaseOf(session, at('07:00:00'))).toBe('open')
    expect(phaseOf({ ...session, remaining: 0 }, at('07:00:00'))).toBe('sold_out')
  })

  it('is announced while our clock says so, though the server was a moment ahead', () => {
    expect(phaseOf({ ...session, state: 'open' }, at('06:59:59'))).toBe('announced')
  })

  it('takes entries until its draw, then is drawn for a while, then sells what is left', () => {
    expect(phaseOf(draw, at('06:59:59'))).toBe('announced')
    expect(phaseOf(draw, at('11:59:59.999'))).toBe('entering')
    expect(phaseOf({ ...draw, remaining: 0 }, at('11:00:00'))).toBe('entering')
    expect(phaseOf(draw, at('12:00:00'))).toBe('drawing')
    expect(phaseOf(draw, at('12:00:15'))).toBe('open')
    expect(phaseOf({ ...draw, remaining: 0 }, at('12:00:15'))).toBe('sold_out')
  })

  it('stays stopped, and closes when it ends', () => {
    expect(phaseOf({ ...session, state: 'stopped' }, at('06:00:00'))).toBe('stopped')
    expect(phaseOf({ ...session, state: 'open' }, Date.parse(session.ends_at))).toBe('closed')
    expect(phaseOf({ ...session, state: 'closed' }, at('08:00:00'))).toBe('closed')
  })
})

describe('asking again', () => {
  it('is seldom, often around a release, and never after the end', () => {
    expect(pace(session, at('05:00:00'))).toBe(20_000)
    expect(pace(session, at('06:59:01'))).toBe(3_000)
    expect(pace(session, at('07:00:59'))).toBe(3_000)
    expect(pace(session, at('07:02:00'))).toBe(20_000)
    expect(pace(session, Date.parse(session.ends_at))).toBe(0)
    expect(pace(undefined, 0)).toBe(20_000)
  })

  it('does not sleep into the minute before the release', () => {
    expect(pace(session, at('06:58:50'))).toBe(10_000)
  })

  it('follows the most pressing of several; those that are over press for nothing', () => {
    const far = { ...session, release_at: '2026-11-30T07:00:00+08:00' }
    expect(paceOf([far, session], at('06:59:30'))).toBe(3_000)
    expect(paceOf([{ ...session, state: 'closed' }], at('06:59:30'))).toBe(20_000)
    expect(paceOf(undefined, 0)).toBe(20_000)
  })
})
