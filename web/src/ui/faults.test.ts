import { mount } from '@vue/test-utils'
import { expect, it } from 'vitest'
import { createMemoryHistory, createRouter } from 'vue-router'
import { Problem, Unreachable } from '@/api/problem'
import { i18n, setLocale, t } from '@/i18n'
import { say } from '@/i18n/problems'
import FaultLine from './FaultLine.vue'
import LoadView from './LoadView.vue'

async function shown(page: typeof FaultLine | typeof LoadView, props: object) {
  const router = createRouter({ history: createMemoryHistory(), routes: [{ path: '/:any(.*)', component: { render: () => null } }] })
  await router.push('/orders/ord_1?a=1')
  setLocale('en')
  return mount(page as never, { props: props as never, global: { plugins: [router, i18n] } })
}
const failed = (error: unknown) => ({ data: undefined, error, loading: false, at: 0, reload: async () => undefined })
const LOGIN = '/login?next=/orders/ord_1?a=1'

it.each(['unauthorized', 'unauthenticated', 'token_invalid', 'token_expired', 'http_401'])('a login that has ended (%s) leads to the login, and back', async (code) => {
  const error = new Problem(401, code === 'http_401' ? {} : { code, detail: 'the access token is not valid' })
  for (const page of [await shown(FaultLine, { error }), await shown(LoadView, { of: failed(error) })]) {
    expect(page.find('a').attributes('href')).toBe(LOGIN)
    expect(page.find('button').exists()).toBe(false)
    expect(page.text()).toContain(t('problems.unauthorized'))
    expect(page.text()).not.toContain('token')
  }
})

it('a wrong password leads nowhere; what cannot be reached can be tried again', async () => {
  expect((await shown(FaultLine, { error: new Problem(401, { code: 'bad_credentials' }) })).find('a').exists()).toBe(false)
  const page = await shown(LoadView, { of: failed(new Unreachable(0)) })
  expect([page.find('a').exists(), page.find('button').exists()]).toEqual([false, true])
})

it('a fault of ours is told in words, not by the name that programs give it', () => {
  setLocale('en')
  expect(say(new TypeError('x is undefined'))).toBe('Something went wrong. Please try again.')
  expect(say(new Problem(418, {}))).toBe('Something went wrong. Please try again.')
})
