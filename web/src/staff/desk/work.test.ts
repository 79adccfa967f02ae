import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { effectScope, nextTick, reactive } from 'vue'
import { booking, Problem, Unreachable } from '@/api'
import { setLocale } from '@/i18n'
import type { Queue } from '@/shared/clinic'
import './messages'
import { useDesk, type Desk } from './work'

const live = reactive({ data: undefined as Queue | undefined, freshness: 'live', reload: () => Promise.resolve() })
vi.mock('@/shared/live', () => ({ useLive: () => live }))
vi.mock('@/shared/load', () => ({ useLoad: () => reactive({ data: { id: 'v3', calls: 1, room: '101', doctor: {} }, reload: () => Promise.resolve() }) }))

let sent: { path: string; body: unknown; key: string }[] = []
let answers: (() => unknown)[] = []
let stop = () => {}
let desk: Desk

function queue(ticket: number | null, called_at = '10:00'): Queue {
  const visit = ticket === null ? null : { visit_id: `v${ticket}`, ticket: `W${ticket}`, state: 'called', visit_class: 'walk_in', passes: 0 }
  return { session_id: 's', state: 'open', paused: null, waiting: [], away: [], desks: [{ room: '101', visit, called_at }] } as unknown as Queue
}
const lost = () => {
  throw new Unreachable('the network')
}
const called = (ticket: number) => () => ({ visit: { ticket: `W${ticket}` } })

describe('a press at the desk that had no answer', () => {
  beforeEach(() => {
    setLocale('en')
    localStorage.clear()
    Object.assign(live, { data: queue(3), freshness: 'live', reload: () => Promise.resolve() })
    sent = []
    answers = []
    const post = async (path: string, init: { body?: unknown; headers: Record<string, string> }) => {
      sent.push({ path, body: structuredClone(init.body), key: init.headers['Idempotency-Key']! })
      return { data: answers.shift()!(), response: new Response() }
    }
    vi.spyOn(booking, 'POST').mockImplementation(post as never)
    const scope = effectScope()
    desk = scope.run(() => useDesk('s'))!
    desk.room = '101'
    stop = () => scope.stop()
  })
  afterEach(() => {
    stop()
    vi.restoreAllMocks()
    setLocale('zh-CN')
  })

  it('is asked again as it was: the same body by the same key', async () => {
    answers = [lost, called(4)]
    await desk.next.run('done')
    expect(desk.next.error).toBeInstanceOf(Unreachable)
    await desk.next.run('done')
    expect(sent[0]!.body).toEqual({ room: '101', after: 'v3', call: 1, outcome: 'done' })
    expect(sent[1]).toEqual(sent[0])
    expect(desk.said).toContain('W4')
  })

  it('is not to be pressed again once the queue shows that the desk has moved on', async () => {
    answers = [lost, called(5)]
    await desk.next.run('done')
    live.data = queue(4)
    expect(desk.next.error).toBeUndefined()
    expect(desk.said).toContain('W4')
    await desk.next.run('done')
    expect(sent[1]!.body).toMatchObject({ after: 'v4' })
    expect(sent[1]!.key).not.toBe(sent[0]!.key)
  })

  it('is no fault if what was asked for since shows that it happened', async () => {
    answers = [lost]
    live.reload = () => Promise.resolve(void (live.data = queue(4)))
    await desk.next.run('done')
    expect([desk.next.error, desk.said.includes('W4'), desk.settled]).toEqual([undefined, true, 1])
  })

  it('rings once', async () => {
    const visit = queue(3).desks[0]!.visit!
    answers = [lost, () => ({}), () => ({})]
    await desk.visitAct.run('recall', visit)
    await desk.visitAct.run('recall', visit)
    await desk.visitAct.run('recall', visit)
    expect(sent[1]).toEqual(sent[0])
    expect(sent[2]!.key).not.toBe(sent[0]!.key)
  })

  it('has rung if the call is another one', async () => {
    const visit = queue(3).desks[0]!.visit!
    answers = [lost, () => ({})]
    await desk.visitAct.run('recall', visit)
    live.data = queue(3, '10:01')
    expect([desk.visitAct.error, desk.said.includes('W3')]).toEqual([undefined, true])
    await desk.visitAct.run('recall', visit)
    expect(sent[1]!.key).not.toBe(sent[0]!.key)
  })

  it('of the whole queue keeps its key, too, until the queue shows it', async () => {
    const resume = () => desk.queueAct.run('resume', null, (headers) => booking.POST('/api/v1/sessions/{session_id}/queue/resume', { params: desk.params, headers }))
    answers = [lost, lost, () => ({})]
    await resume()
    await resume()
    expect(sent[1]).toEqual(sent[0])
    live.data = { ...queue(3), paused: { why: 'x' } } as Queue
    await resume()
    expect(sent[2]!.key).not.toBe(sent[0]!.key)
  })

  it('is another one after a refusal', async () => {
    const refuse = () => {
      throw new Problem(409, { code: 'queue_paused' })
    }
    answers = [refuse, called(4)]
    await desk.next.run('done')
    await desk.next.run('done')
    expect(sent[1]!.key).not.toBe(sent[0]!.key)
  })

  it('is no fault of now when all is live again, but stays the same press', async () => {
    answers = [lost, called(4)]
    live.freshness = 'old'
    await desk.next.run('done')
    live.freshness = 'live'
    await nextTick()
    expect(desk.next.error).toBeUndefined()
    await desk.next.run('done')
    expect(sent[1]).toEqual(sent[0])
  })
})
