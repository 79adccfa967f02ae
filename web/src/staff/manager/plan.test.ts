import { describe, expect, it } from 'vitest'
import { differencesOf, directionOf } from './differences'
import type { Planned } from './charts'
import document from '../../../../docs/openapi/booking-svc.json'
import { emptyPlan, fieldOf, questionOf, RANGES, rangeOf, segmentsOf, textOf, usual, wrongIn } from './plan'

describe('a question to the planner', () => {
  it('has segments as they are typed', () => {
    expect(segmentsOf('0:10 30:8')).toEqual([{ starts: 0, appointments: 10 }, { starts: 30, appointments: 8 }])
    expect(segmentsOf('0：10，30：8')).toEqual(segmentsOf('0:10 30:8'))
    expect(segmentsOf('')).toEqual([])
    expect(segmentsOf('0-10')).toBeNull()
    expect(textOf(segmentsOf('0:10 37.5:8')!)).toBe('0:10 37.5:8')
  })

  it('is of one kind of base alone', () => {
    const form = { ...emptyPlan('2026-12-01'), department: 'dep_1', session: 'ses_1' }
    expect(questionOf(form).base).toEqual({ department_id: 'dep_1', date: '2026-12-01', period: 'morning', session_id: null, given: null })
    expect(questionOf({ ...form, kind: 'session' }).base).toEqual({ session_id: 'ses_1', department_id: null, date: null, period: null, given: null })
    const { given } = questionOf({ ...form, kind: 'given' }).base
    expect(given).toMatchObject({ no_show: 0.1, doctors: 3 })
    expect(given!.segments).toHaveLength(7)
  })

  it('has numbers in the ranges that the API knows', () => {
    const { Numbers, Alternative, WhatIf } = document.components.schemas
    type Bounds = { minimum?: number; maximum?: number }
    const told = (properties: Record<string, Bounds>, name: string) => [properties[name]?.minimum, properties[name]?.maximum]
    for (const [field, [from, to]] of Object.entries(RANGES)) {
      const [of, name] = field.includes('.') ? field.split('.') as [string, string] : ['', field]
      if (of === 'given') expect([field, name === 'no_show' ? from / 100 : from, name === 'no_show' ? to / 100 : to]).toEqual([field, ...told(Numbers.properties as Record<string, Bounds>, name)])
      else if (of === 'alternative') expect([from, to]).toEqual(told(Alternative.properties as Record<string, Bounds>, name))
      else if (name !== 'target') expect([from, to]).toEqual(told(WhatIf.properties as Record<string, Bounds>, name === 'most' ? 'most_doctors' : name))
      else expect(to * 60).toBe(WhatIf.properties.target_p90.maximum)
    }
    const given = { ...emptyPlan('2026-12-01'), kind: 'given' as const }
    expect(wrongIn(given)).toEqual([])
    expect(wrongIn({ ...given, given: { ...given.given, service_cv: 0, doctors: 1.5, no_show: 101, walk_ins: '' as unknown as number } })).toEqual(['given.doctors', 'given.service_cv', 'given.no_show', 'given.walk_ins'])
    expect(wrongIn({ ...given, kind: 'session', session: 'ses_1', given: { ...given.given, service_cv: 0 } })).toEqual([])
    expect(wrongIn({ ...given, target: 0, most: 31, runs: 10 })).toEqual(['target', 'most', 'runs'])
    expect(wrongIn({ ...given, target: '' })).toEqual([])
    expect(wrongIn({ ...given, alternatives: [usual({ doctors: 31 }, 'a'), usual({ minutes: 5 }, ' ')] })).toEqual(['alternatives.0.doctors', 'alternatives.1.minutes', 'alternatives.1.name'])
    for (const text of ['1441:1', '0:401', '0:1 '.repeat(97)]) expect(segmentsOf(text)).toBeNull()
  })

  it('knows the fields that the API complains of', () => {
    const names = ['base.given.service_cv', 'base.given.segments[3].appointments', 'target_p90', 'most_doctors', 'runs', 'base.department_id', 'alternatives[2].minutes', 'base']
    expect(names.map(fieldOf)).toEqual(['given.service_cv', 'given.segments', 'target', 'most', 'runs', 'department', 'alternatives.2.minutes', ''])
    expect(rangeOf('alternatives.2.minutes')).toBe(RANGES['alternative.minutes'])
    expect(rangeOf('given.segments')).toBeUndefined()
  })

  it('leaves as it is what is left empty, and asks in seconds', () => {
    const form = { ...emptyPlan('2026-12-01'), alternatives: [usual({ doctors: 4 }, '4'), { ...usual({}, ''), segments: '0:5' }] }
    const asked = questionOf(form)
    expect(asked.alternatives).toEqual([
      { name: '4', doctors: 4, minutes: null, segments: null },
      { name: '', doctors: null, minutes: null, segments: [{ starts: 0, appointments: 5 }] },
    ])
    expect(asked.target_p90).toBe(1800)
    expect(questionOf({ ...form, target: '' }).target_p90).toBeNull()
  })

  it('says which fields are wrong', () => {
    const form = emptyPlan('2026-12-01')
    expect(wrongIn(form)).toEqual(['department'])
    expect(wrongIn({ ...form, kind: 'session' })).toEqual(['session'])
    expect(wrongIn({ ...form, kind: 'given', given: { ...form.given, segments: '' } })).toEqual(['given.segments'])
    expect(wrongIn({ ...form, kind: 'given', alternatives: [{ ...usual({}, 'a'), segments: 'x' }] })).toEqual(['alternatives.0.segments'])
  })
})

describe('its answer', () => {
  it('tells changes in minutes, and which are no accident', () => {
    const change = { low: -300, mean: -240, high: -180 }
    const none = { low: -6, mean: 0, high: 6 }
    const planned = { alternatives: [{ wait_change: change, overtime_change: none, idle_change: { low: 60, mean: 60, high: 60 } }, { wait_change: null, overtime_change: none, idle_change: none }] } as unknown as Planned
    const rows = differencesOf(planned, ['a', 'b'])
    expect(rows.map((r) => [r.plan, r.of, r.mean])).toEqual([['a', 'wait_mean', -4], ['a', 'overtime', 0], ['a', 'idle', 1], ['b', 'overtime', 0], ['b', 'idle', 0]])
    expect(rows.slice(0, 3).map(directionOf)).toEqual(['less', 'none', 'more'])
  })
})
