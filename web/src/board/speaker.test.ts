import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import type { Queue, Spoken } from '@/shared/clinic'
import { Memory } from './calls'
import { Speaker } from './speaker'
import type { Utterance } from './words'

const NOW = Date.parse('2026-11-23T10:00:00+08:00')
const at = (ago = 0) => new Date(NOW - ago).toISOString()

function queue(serials: number[], id = 'ses_a', state: Spoken['state'] = 'called', ago = 0): Queue {
  const called = [...serials].sort((a, b) => b - a).map((serial) => ({ serial, state, ticket: String(serial), room: '1', at: at(ago), again: false }))
  return { session_id: id, at: at(), called, department_name: '内科', doctor_name: '王医生' } as unknown as Queue
}

let kept: Map<string, string>
let said: string[]
let voice: (one: Utterance) => Promise<'spoken' | 'blocked' | 'failed'>
const memory = () => new Memory({ getItem: (key) => kept.get(key) ?? null, setItem: (key, value) => void kept.set(key, value) })
const screen = (sound = true) => new Speaker(sound, memory(), (one) => voice(one))
const settle = () => vi.waitFor(() => undefined).then(() => new Promise((resolve) => setTimeout(resolve, 5)))
const ticket = (text: string) => [...'零一二三四五六七八九'].findIndex((digit) => text.includes(`，${digit}号`))

describe('the voice of a board', () => {
  beforeEach(() => {
    kept = new Map()
    said = []
    voice = (one) => {
      said.push(one.text)
      return Promise.resolve('spoken')
    }
  })
  afterEach(() => void vi.unstubAllGlobals())

  it('speaks each call once, though each state of the queue tells it again', async () => {
    const board = screen()
    for (const serials of [[1], [1], [1, 2], [1, 2, 3], [3, 2, 1]]) board.hear(queue(serials), false, false)
    await settle()
    expect(said.map(ticket)).toEqual([1, 2, 3])
  })

  it('neither repeats nor loses a call over restarts, whenever they come', async () => {
    for (const serials of [[1], [1, 2], [1, 2], [1, 2, 3, 4], [5, 4]]) {
      screen().hear(queue(serials, 'ses_a', 'done'), false, false) // a screen that was loaded anew
      await settle()
    }
    expect(said.map(ticket)).toEqual([2, 3, 4, 5]) // 1 was over before the first screen was on
  })

  it('says a call again, from its beginning, that a restart cut off', async () => {
    voice = (one) => {
      said.push(one.text)
      return new Promise(() => undefined) // the page goes while it speaks
    }
    screen().hear(queue([1]), false, false)
    await settle()
    voice = (one) => (said.push(one.text), Promise.resolve('spoken'))
    screen().hear(queue([1, 2]), false, false)
    await settle()
    expect(said.map(ticket)).toEqual([1, 1, 2])
  })

  it('says a call again that was cut off by leaving the board', async () => {
    let cancel = () => {}
    vi.stubGlobal('speechSynthesis', { cancel: () => cancel() })
    voice = (one) => (said.push(one.text), new Promise((resolve) => (cancel = () => resolve('spoken')))) // as browsers tell of what was cancelled
    const board = screen()
    board.hear(queue([1]), false, true)
    await settle()
    board.stop()
    await settle()
    voice = (one) => (said.push(one.text), Promise.resolve('spoken'))
    screen().hear(queue([1]), false, false)
    await settle()
    expect(said.map(ticket)).toEqual([1, 1])
  })

  it('keeps the calls of several queues apart, and says whose they are', async () => {
    const board = screen()
    board.hear(queue([5], 'ses_a'), true, false)
    board.hear(queue([2], 'ses_b'), true, true)
    await settle()
    expect(said).toEqual(['请内科，王医生的，五号，到一诊室就诊。', '请内科，王医生的，二号，到一诊室就诊。', 'Number two, please come to room one.'])
  })

  it('waits for a press where the browser wants one, and has lost nothing then', async () => {
    let pressed = false
    voice = (one) => {
      if (!pressed) return Promise.resolve('blocked')
      if (one.text) said.push(one.text)
      return Promise.resolve('spoken')
    }
    const board = screen()
    board.probe()
    await settle()
    expect(board.voice.value).toBe('blocked')
    board.hear(queue([1]), false, false)
    await settle()
    expect(said).toEqual([])
    pressed = true
    board.turn(true, NOW)
    await settle()
    expect([said.map(ticket), board.voice.value]).toEqual([[1], 'on'])
  })

  it('does not read out what was called while it was mute', async () => {
    const board = screen(false)
    board.hear(queue([1, 2]), false, false)
    board.turn(true, NOW)
    await settle()
    said = [] // the question whether it may speak
    board.hear(queue([1, 2, 3]), false, false)
    await settle()
    expect(said.map(ticket)).toEqual([3])
  })

  it('goes on after a call that could not be spoken', async () => {
    voice = (one) => (said.push(one.text), Promise.resolve(said.length === 1 ? 'failed' : 'spoken'))
    const board = screen()
    board.hear(queue([1, 2]), false, false)
    await settle()
    expect([said.map(ticket), board.voice.value]).toEqual([[1, 2], 'on'])
  })

  it('gives up a browser’s voice that never ends, and says so', async () => {
    vi.useFakeTimers()
    const cancel = vi.fn()
    vi.stubGlobal('SpeechSynthesisUtterance', class {})
    vi.stubGlobal('speechSynthesis', { getVoices: () => [], resume: () => undefined, speak: () => undefined, cancel })
    const board = new Speaker(true, memory())
    board.hear(queue([1]), false, false)
    await vi.advanceTimersByTimeAsync(60_000)
    expect([board.voice.value, cancel.mock.calls.length]).toEqual(['voiceless', 1])
    vi.useRealTimers()
  })
})
