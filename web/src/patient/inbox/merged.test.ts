import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { merged, reasonKey, type Told } from './merged'
import { messages } from './messages'

const told = (id: string, minute: number, read_at: string | null = null) =>
  ({ id, created_at: `2026-11-23T08:${String(minute).padStart(2, '0')}:00+08:00`, read_at, kind: 'x', order_id: null, text: '', title: '' }) as Told

describe('the inbox', () => {
  it('has each message once, the newest first, whatever came when', () => {
    const old = [told('b', 2), told('a', 1)]
    expect(merged([told('c', 3), told('b', 2)], old).map((one) => one.id)).toEqual(['c', 'b', 'a'])
    expect(merged(old, [told('z', 9)]).map((one) => one.id)).toEqual(['z', 'b', 'a'])
    expect(merged()).toEqual([])
  })

  it('never makes unread again what was read', () => {
    const at = '2026-11-23T09:00:00+08:00'
    expect(merged([told('a', 1)], [told('a', 1, at)])[0]!.read_at).toBe(at)
    expect(merged([told('a', 1, at)], [told('a', 1)])[0]!.read_at).toBe(at)
  })

  it('has words for what became of a letter: each state, and each reason that is no error of ours', () => {
    const file = (name: string) => readFileSync(join(process.cwd(), '../services/notify-svc/notify_svc', name), 'utf8')
    const states = /STATES: tuple\[State, \.\.\.\] = \(([^)]*)\)/.exec(file('delivery.py'))![1]!.match(/\w+/g)!
    expect(Object.keys(messages.en.inbox.state).sort()).toEqual([...states].sort())
    const stopped = [...file('usecases/sending.py').matchAll(/_Stopped\("(?:skipped|failed)", "(\w+)"\)/g)].map((hit) => hit[1]!)
    const refused = [.../def takes[\s\S]*?return ""\n/.exec(file('delivery.py'))![0].matchAll(/return "(\w+)"/g)].map((hit) => hit[1]!)
    const silent = ['unreadable', 'forgotten'] // ours to mend: "could not be sent" says enough
    for (const reason of [...stopped, ...refused].filter((one) => !silent.includes(one))) expect(reasonKey(reason)).toBe(reason)
    expect(reasonKey('template: KeyError')).toBe('other')
  })
})
