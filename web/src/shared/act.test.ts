import { expect, it } from 'vitest'
import { Unreachable } from '@/api/problem'
import { useAct } from './act'

it('is done once at a time: another press meanwhile does nothing', async () => {
  const done: string[] = []
  let finish = () => {}
  const act = useAct(async (what: string) => {
    done.push(what)
    await new Promise<void>((resolve) => (finish = resolve))
    return what
  })
  const first = act.run('a')
  expect(act.busy).toBe(true)
  expect(await act.run('b')).toBeUndefined()
  expect(act.busy).toBe(true)
  finish()
  expect([await first, act.busy, done]).toEqual(['a', false, ['a']])
  const again = act.run('c')
  finish()
  expect([await again, done]).toEqual(['c', ['a', 'c']])
})

it('keeps its fault until it is done again', async () => {
  const answers = [() => Promise.reject(new Unreachable(0)), () => Promise.resolve(1)]
  const act = useAct(() => answers.shift()!())
  expect(await act.run()).toBeUndefined()
  expect([act.busy, act.error]).toEqual([false, expect.any(Unreachable)])
  const again = act.run()
  expect(act.error).toBeUndefined()
  expect(await again).toBe(1)
})
