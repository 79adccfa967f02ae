/** The planner's page: what is wrong stands beside its field, in words, whoever noticed it. */

import { afterEach, expect, it, vi } from 'vitest'
import { answering, mounted, problem } from '../mounting'
import './messages'
import PlannerPage from './PlannerPage.vue'

afterEach(() => vi.unstubAllGlobals())

it('names what is wrong beside its field, without asking; and so what the API refuses', async () => {
  const errors = [{ field: 'base.given.service_cv', message: 'Must be greater' }, { field: 'base', message: 'odd' }]
  const asked = answering(({ method }) => (method === 'POST' ? problem({ code: 'validation_error', errors }, 422) : { items: [], next_cursor: null }))
  const { root, gone } = await mounted(PlannerPage)
  const given = root.querySelector<HTMLInputElement>('input[value=given]')!
  given.click()
  await vi.waitFor(() => expect(root.textContent).toContain('变异系数'))
  const field = (words: string) => [...root.querySelectorAll('.field')].find((one) => one.textContent?.includes(words))!
  const input = field('变异系数').querySelector('input')!
  const type = (text: string) => ((input.value = text), input.dispatchEvent(new Event('input')))
  const submit = () => root.querySelector('form')!.dispatchEvent(new Event('submit', { cancelable: true }))
  type('9')
  submit()
  await vi.waitFor(() => expect(field('变异系数').textContent).toContain('0.05 到 3'))
  expect(input.getAttribute('aria-invalid')).toBe('true')
  expect(asked.some(({ method }) => method === 'POST')).toBe(false)
  type('1')
  submit()
  await vi.waitFor(() => expect(root.textContent).toContain('odd'))
  expect(field('变异系数').textContent).toContain('0.05 到 3')
  expect(root.textContent).not.toContain('service_cv')
  gone()
})
