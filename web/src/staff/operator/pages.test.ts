/** The operator's pages as she reads them: in words, with codes behind them for who needs one. */

import { flushPromises } from '@vue/test-utils'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { setLocale } from '@/i18n'
import { answering, mounted, problem } from '../mounting'
import { codes } from './codes'
import DeliveriesPage from './DeliveriesPage.vue'
import InvariantsPage from './InvariantsPage.vue'
import { messages } from './messages'
import SheetPage from './SheetPage.vue'
import TrailPage from './TrailPage.vue'

const AT = '2026-11-22T10:00:00+08:00'
const words = codes['zh-CN'].operator
let gone: () => void
let asked: ReturnType<typeof answering>
let answers: Record<string, unknown>

beforeEach(() => {
  answers = {}
  asked = answering(({ url }) => Object.entries(answers).find(([path]) => url.pathname.endsWith(path))?.[1] ?? { items: [], next_cursor: null })
})
afterEach(() => (gone(), vi.unstubAllGlobals()))

async function page(component: Parameters<typeof mounted>[0], props = {}): Promise<HTMLElement> {
  const opened = await mounted(component, props)
  gone = opened.gone
  await flushPromises()
  return opened.root
}
const by = (root: HTMLElement, title: string) => [...root.querySelectorAll('[title]')].filter((one) => one.getAttribute('title') === title).map((one) => one.textContent!.trim())

it('letters are told in words, with what others say and every code as title', async () => {
  const attempts = [{ at: AT, provider: 'smtp', outcome: 'refused', code: '550', why: 'mailbox full', reference: '' }]
  const letter = { id: 'd', kind: 'order_waitlisted', channel: 'email', to: 'f***', state: 'failed', reason: 'address: 550', attempts, created_at: AT }
  answers = { '/deliveries': { items: [letter, { ...letter, id: 'e', kind: 'of_a_newer_release', reason: '', attempts: [] }], next_cursor: null } }
  const root = await page(DeliveriesPage)
  expect(by(root, 'order_waitlisted')).toEqual([words.kinds.order_waitlisted])
  expect(by(root, 'address: 550')).toEqual([`${words.reasons.address} (550)`])
  expect(by(root, 'refused')).toEqual([words.outcomes.refused])
  expect(root.textContent).toContain('mailbox full')
  expect(by(root, 'of_a_newer_release')).toEqual(['类别：of a newer release'])
})

it('acts are told in words, chosen from a list, and their facts by name', async () => {
  const act = { id: 1, act: 'logged_in', actor: 'acc_1', about: null, network: '', at: AT, facts: { by: 'password' } }
  answers = { '/trail': { items: [act], next_cursor: null }, '/trail/state': { length: 1, loose: 0, head: 'h' } }
  const root = await page(TrailPage)
  expect(by(root, 'logged_in')).toEqual([words.acts.logged_in])
  expect(by(root, 'by: password')).toEqual([`${words.fact.by}：${words.by.password}`])
  const list = root.querySelector('select')!
  expect([...list.options].map((one) => one.value)).toEqual(['', ...Object.keys(words.acts)])
  list.value = 'locked'
  list.dispatchEvent(new Event('change'))
  await flushPromises()
  expect(asked.at(-1)!.url.searchParams.get('act')).toBe('locked')
})

it('findings are told field by field, with their time as people read it, and why a promise was not looked at', async () => {
  const rule = { code: 'no_order_is_stuck', says: { 'zh-CN': '没有卡住的订单。', en: 'No order is stuck.' }, findings: [], found: 0, why_unknown: null }
  const finding = { about: 'ord_1', what: 'is reserving since 09:00', since: AT }
  const items = [{ ...rule, state: 'broken', found: 1, findings: [finding] }, { ...rule, code: 'work_is_done', state: 'unknown', why_unknown: 'notify-svc has not answered' }]
  answers = { '/invariants': { state: 'broken', looked_at: AT, items, silent: [] } }
  const root = await page(InvariantsPage)
  const { concerns, finding: what, since } = messages['zh-CN'].operator
  const terms = [...root.querySelectorAll('details dt')].map((one) => [one.textContent, one.nextElementSibling!.textContent])
  expect(terms).toEqual([[concerns, 'ord_1'], [what, finding.what], [since, '11月22日 10:00']])
  expect(root.textContent).toContain('notify-svc 没有答复')
  expect(root.textContent).not.toContain(AT)
  setLocale('en')
  await flushPromises()
  expect(root.querySelector('.note')!.textContent).toMatch(/See to it at once\. Looked at/)
})

it('a day of a provider that there is none of is not found, by no other name', async () => {
  answers = { '/reconciliations/zzz/2026-11-22': problem({ code: 'reconciliation_not_found', detail: 'there is no such day' }, 404) }
  const root = await page(SheetPage, { provider: 'zzz', day: '2026-11-22' })
  expect(root.querySelector('h1')!.textContent).toBe(messages['zh-CN'].problems.reconciliation_not_found)
  expect(root.textContent).not.toContain('zzz')
  expect(root.querySelector('button')).toBeNull()
})
