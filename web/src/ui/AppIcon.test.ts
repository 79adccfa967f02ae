import { mount } from '@vue/test-utils'
import { expect, it, vi } from 'vitest'
import AppIcon from './AppIcon.vue'

const fetched = vi.hoisted(() => vi.fn(() => Promise.reject(new TypeError('Failed to fetch dynamically imported module'))))
vi.mock('./vantIcon', fetched)

it('icons that cannot be had are no fault of the page', async () => {
  const errorHandler = vi.fn()
  mount(AppIcon, { props: { name: 'search' }, global: { config: { errorHandler } } })
  await vi.waitFor(() => expect(fetched).toHaveBeenCalled())
  await new Promise((resolve) => setTimeout(resolve))
  expect(errorHandler).not.toHaveBeenCalled()
})
