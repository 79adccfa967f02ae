import { mount } from '@vue/test-utils'
import { describe, expect, it, vi } from 'vitest'
import { shallowReactive } from 'vue'
import { Problem, Unreachable } from '@/api/problem'
import { i18n } from '@/i18n'
import type { Live } from '@/shared/live'
import { messages } from './messages'
import WallTile from './WallTile.vue'

const live = shallowReactive({ data: undefined, error: undefined as unknown, loading: false, at: 0, freshness: 'old' }) as unknown as Live<unknown>
vi.mock('@/shared/live', () => ({ useLive: () => live }))

function shown(error: unknown) {
  Object.assign(live, { error })
  return mount(WallTile, { props: { sessionId: 'ses_1', of: 1 }, global: { plugins: [i18n] } })
}
const { gone, unloaded, loggedOut } = messages['zh-CN'].board

describe('a queue that a wall cannot show', () => {
  it.each([
    ['of another hospital', new Problem(404, { code: 'session_not_found' }), gone],
    ['not its to see', new Problem(403, { code: 'forbidden' }), gone],
    ['out of reach', new Unreachable(0), unloaded],
    ['of a service that is away', new Problem(503, { code: 'unavailable' }), unloaded],
    ['for which it has to log in again', new Problem(401, { code: 'token_expired' }), loggedOut],
  ])('says so in large words, for those who stand before it and can press nothing (%s)', (_, error, words) => {
    const tile = shown(error)
    expect(tile.find('.trouble').text()).toBe(words)
    expect(tile.text()).toBe(words)
    expect(tile.find('button, a').exists()).toBe(false)
  })

  it('is being loaded before that', () => {
    expect(shown(undefined).find('.trouble').text()).toBe('正在加载')
  })
})
