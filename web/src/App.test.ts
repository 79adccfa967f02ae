import { flushPromises, mount } from '@vue/test-utils'
import { expect, it, vi } from 'vitest'
import { createMemoryHistory, createRouter } from 'vue-router'
import App from './App.vue'
import { i18n } from './i18n'

vi.mock('./router', () => ({ setTitle: () => undefined }))

it('says that it is loading while the first page waits, and no longer', async () => {
  const router = createRouter({ history: createMemoryHistory(), routes: [{ path: '/', component: { template: '<h1>Home</h1>' } }] })
  let admit: () => void = () => undefined
  router.beforeEach(() => new Promise<void>((resolve) => (admit = resolve)))
  const app = mount(App, { global: { plugins: [router, i18n] } })
  await flushPromises()
  expect(app.find('[role=status]').text()).toMatch(/正在加载|Loading/)
  admit()
  await vi.waitFor(() => expect(app.find('[role=status]').exists()).toBe(false))
  expect(app.find('h1').text()).toBe('Home')
})
