import { expect, it, vi } from 'vitest'
import { effectScope, nextTick, shallowReactive } from 'vue'
import { booking } from '@/api'
import { useVisit } from './live'

const visit = shallowReactive({ data: undefined as unknown, reload: vi.fn(), close: vi.fn() })
vi.mock('@/shared/live', () => ({ useLive: () => visit }))

it('what a stream does not tell is asked for when she was moved, also by a call that was over before she heard of it', async () => {
  vi.spyOn(booking, 'GET').mockResolvedValue({ data: null, response: new Response('') } as never)
  const scope = effectScope()
  scope.run(() => useVisit('vis_1'))
  const asked = []
  for (const told of [{ state: 'waiting', calls: 0 }, { state: 'called', calls: 1 }, { state: 'waiting', calls: 1 }, { state: 'waiting', calls: 2 }, { state: 'waiting', calls: 2, ahead: 1 }]) {
    visit.data = told
    await nextTick()
    asked.push(visit.reload.mock.calls.length)
  }
  expect(asked).toEqual([0, 1, 2, 3, 3])
  scope.stop()
})
