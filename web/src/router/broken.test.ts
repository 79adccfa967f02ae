/** The application as main.ts makes it, with pages that have a fault. */

import { flushPromises } from '@vue/test-utils'
import { beforeAll, beforeEach, expect, it, vi } from 'vitest'
import type { Router } from 'vue-router'

const fault = new TypeError('x is undefined')
const fail = () => {
  throw fault
}
const PAGES = {
  setup: { setup: fail },
  render: { render: fail },
  press: { template: '<h1>Press</h1><button id="press" @click="fail">x</button>', setup: () => ({ fail: () => Promise.reject(fault) }) },
  sound: { template: '<h1>Sound</h1>' },
}
const told = () => document.querySelector('#app > aside[role=alert]')?.textContent ?? ''
let router: Router
let logged: ReturnType<typeof vi.spyOn>

async function open(path: string): Promise<void> {
  await router.push(path).catch(() => undefined)
  await flushPromises()
  await vi.waitFor(() => expect(document.querySelector('.waiting')).toBeNull())
}

beforeAll(async () => {
  document.body.innerHTML = '<div id="app"></div>'
  history.replaceState(null, '', '/forbidden')
  ;({ router } = await import('.'))
  for (const [name, component] of Object.entries(PAGES)) router.addRoute({ path: `/test/${name}`, component })
  router.addRoute({ path: '/test/guard', component: PAGES.sound, beforeEnter: fail })
  await import('../main')
}, 60_000)
beforeEach(() => {
  logged = vi.spyOn(console, 'error').mockImplementation(() => undefined)
  vi.spyOn(console, 'warn').mockImplementation(() => undefined)
})

it.each(['setup', 'render', 'guard'])('a page with a fault (%s) says so, and why in the console; the next page is another', async (where) => {
  const load = vi.spyOn(location, 'reload').mockImplementation(() => undefined)
  await open('/forbidden')
  expect(told()).toBe('')
  await open(`/test/${where}`)
  expect(told()).toMatch(/出错|went wrong/)
  expect(logged.mock.calls.flat()).toContain(fault)
  document.querySelector<HTMLButtonElement>('#app > aside button')!.click()
  expect(load).toHaveBeenCalledTimes(1)
  await open('/test/sound')
  expect([document.querySelector('h1')?.textContent, told()]).toEqual(['Sound', ''])
})

it('a press with a fault says so, and the page stays as it is', async () => {
  await open('/test/press')
  document.querySelector<HTMLButtonElement>('#press')!.click()
  await flushPromises()
  expect([document.querySelector('h1')?.textContent, told() !== '']).toEqual(['Press', true])
  await router.replace('/test/press?a=1')
  expect(told()).not.toBe('')
})
