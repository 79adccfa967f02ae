import { describe, expect, it } from 'vitest'
import type { Session } from '@/api'
import type { Queue, Spoken } from '@/shared/clinic'
import { asked, followsRooms, inRoom, readChoice } from './choice'
import { utterances } from './words'

const at = (hour: number) => new Date(Date.UTC(2026, 10, 23, hour - 8)).toISOString()
const session = (id: string, room: string, from: number, to: number, state = 'open') => ({ id, room, starts_at: at(from), ends_at: at(to), state }) as Session
const day = [session('am', '101', 8, 12), session('pm', '101', 13, 17), session('off', '101', 10, 12, 'stopped'), session('other', '102', 8, 12)]
const shown = (room: string, hour: number) => inRoom(day, room, Date.parse(at(hour)))?.id

describe('what a screen shows', () => {
  it('is in a room the session that is on, or will be next', () => {
    expect([shown('101', 6), shown('101', 9), shown('101', 11), shown('101', 12.5), shown('101', 20), shown('103', 9)]).toEqual(['am', 'am', 'am', 'pm', 'pm', undefined])
  })

  it('is asked for by the address: four at most, each once', () => {
    expect([asked('a,b,a'), asked('a,b,c,d,e'), asked(''), asked(undefined)]).toEqual([['a', 'b'], ['a', 'b', 'c', 'd'], [], []])
  })

  it('is on another day in the rooms of what was chosen', () => {
    const choice = { ...readChoice(null), sessions: ['am'], rooms: ['101'], day: '2026-11-23' }
    expect([followsRooms(choice, '2026-11-23'), followsRooms(choice, '2026-11-24'), followsRooms({ ...choice, by: 'rooms' }, '2026-11-23')]).toEqual([false, true, true])
  })

  it('is read of what was kept, whatever stands there', () => {
    expect(readChoice('{"sessions":["a",1],"sound":false,"by":"x"}')).toMatchObject({ sessions: ['a'], sound: false, by: 'sessions', door: true })
    expect(readChoice('no JSON').sessions).toEqual([])
  })
})

describe('what is spoken', () => {
  const queue = { department_name: '内科', doctor_name: '王医生' } as Queue
  const call = (ticket: string, room: string, again = false) => ({ ticket, room, again }) as Spoken
  const words = (ticket: string, room: string, again = false) => utterances(call(ticket, room, again), queue, false, true).map(({ text }) => text)

  it('is numbers digit by digit, as they stand on tickets and doors', () => {
    expect(words('12', '305')).toEqual(['请，一二号，到三零五诊室就诊。', 'Number one two, please come to room three zero five.'])
    expect(words('W3', 'A101', true)).toEqual(['再次呼叫，请，W三号，到A一零一诊室就诊。', 'Number W three, please come to room A one zero one.'])
  })

  it('says no room twice', () => {
    expect(words('1', '内科3诊室')[0]).toBe('请，一号，到内科三诊室就诊。')
    expect(words('1', '第十二诊室(东楼三层靠近电梯)')[0]).toBe('请，一号，到第十二诊室(东楼三层靠近电梯)就诊。')
    expect(words('1', 'B336 诊室')).toEqual(['请，一号，到B三三六 诊室就诊。', 'Number one, please come to room B three three six.'])
    expect(words('1', 'Room 3')[1]).toBe('Number one, please come to room three.')
  })
})
