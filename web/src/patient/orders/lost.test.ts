/** Pages when an answer does not come, or something has become of an order elsewhere: none says what is not so. */

import { flushPromises } from '@vue/test-utils'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { booking, payment, schedule, type Order, type Visit } from '@/api'
import { answering, lost, ok, open, refused, SESSION } from './opened'
import { orderOf, paymentOf, yuan } from './samples'

type Init = { body: unknown; headers: { 'Idempotency-Key': string } }
const PAID = { paid: yuan(5000) }
let orders: Order[]
let visit: Partial<Visit>
beforeEach(() => {
  vi.useFakeTimers({ now: Date.parse('2026-11-23T02:00:00Z'), toFake: ['Date', 'setTimeout', 'clearTimeout'] })
  sessionStorage.clear()
  answering(
    () => orders,
    () => visit,
  )
})
afterEach(() => vi.useRealTimers())

describe('giving back that is not answered', () => {
  const dialog = async () => {
    orders = [orderOf('confirmed', PAID)]
    const { page } = await open('/orders/ord_1')
    await page.findAll('.actions button').at(-1)!.trigger('click')
    await flushPromises()
    return page
  }

  it('may have happened: the dialog says so, and goes when it has', async () => {
    const page = await dialog()
    vi.spyOn(booking, 'POST').mockImplementation((() => lost()) as never)
    await page.find('dialog .danger').trigger('click')
    await flushPromises()
    expect(page.find('dialog').text()).toContain('可能已经取消')
    expect(page.find('dialog').text()).not.toContain('保留预约')
    vi.spyOn(booking, 'POST').mockImplementation((() => {
      orders = [orderOf('refunding', PAID)]
      return lost()
    }) as never)
    ;(page.find('dialog .danger').element as HTMLElement).focus()
    await page.find('dialog .danger').trigger('click')
    await flushPromises()
    expect(page.find('dialog').exists()).toBe(false)
    expect(page.find('.state').text()).toBe('退款中')
    expect(document.activeElement?.tagName).toBe('H1')
    page.unmount()
  })

  it('how it stands is asked for when the dialog is closed', async () => {
    const page = await dialog()
    orders = [orderOf('substitute_offered')]
    await page.find('dialog .plain').trigger('click')
    await flushPromises()
    expect(page.find('.state').text()).toBe('停诊，可选替代')
    page.unmount()
  })
})

it('what was accepted without an answer is shown as it stands', async () => {
  orders = [orderOf('offered')]
  const { page } = await open('/orders/ord_1')
  vi.spyOn(booking, 'POST').mockImplementation((() => {
    orders = [orderOf('awaiting_payment')]
    return lost()
  }) as never)
  await page.find('.actions .primary').trigger('click')
  await flushPromises()
  expect(page.find('.state').text()).toBe('待支付')
  expect(page.find('.fault').exists()).toBe(false)
  page.unmount()
})

describe('a move', () => {
  const successor = (more: Partial<Order> = {}) => orderOf('awaiting_payment', { id: 'ord_2', replaces: 'ord_1', ...more })
  const choose = async () => {
    orders = [orderOf('confirmed', PAID)]
    vi.spyOn(schedule, 'GET').mockImplementation((() => ok({ items: [SESSION] })) as never)
    const { page } = await open('/orders/ord_1/move')
    await page.find('li button').trigger('click')
    return page
  }

  it('that is not answered is the same one when it is asked for again, after a reload, too', async () => {
    const sent: Init[] = []
    vi.spyOn(booking, 'POST').mockImplementation(((_: string, init: Init) => {
      sent.push(init)
      return lost()
    }) as never)
    for (const _ of [1, 2]) {
      const page = await choose()
      await page.find('.primary').trigger('click')
      await flushPromises()
      expect(page.text()).toContain('不会重复改约')
      page.unmount()
    }
    expect(sent[1]).toEqual(sent[0])
  })

  it('that was not answered and is under way is named in place of the list', async () => {
    const page = await choose()
    vi.spyOn(booking, 'POST').mockImplementation((() => {
      orders = [successor(), ...orders]
      return lost()
    }) as never)
    ;(page.find('.primary').element as HTMLElement).focus()
    await page.find('.primary').trigger('click')
    await flushPromises()
    expect(page.find('.primary').exists()).toBe(false)
    expect(page.find('.note a').attributes('href')).toBe('/orders/ord_2')
    expect(document.activeElement?.tagName).toBe('H1')
    page.unmount()
  })

  it('that is under way is named by the order that it replaces, and one that has ended is not', async () => {
    orders = [orderOf('expired', { id: 'ord_3', replaces: 'ord_1' }), orderOf('confirmed', PAID)]
    const { page } = await open('/orders/ord_1')
    expect(page.find('.note a').exists()).toBe(false)
    orders = [successor(), ...orders]
    await vi.advanceTimersByTimeAsync(21_000)
    await flushPromises()
    expect(page.find('.note a').attributes('href')).toBe('/orders/ord_2')
    expect(page.find('.note').text()).toContain('待支付')
    page.unmount()
  })

  it('is offered no longer when the time for it is over', async () => {
    orders = [orderOf('confirmed', { ...PAID, cancel_before: '2026-11-23T10:00:01+08:00' })]
    vi.spyOn(schedule, 'GET').mockImplementation((() => ok({ items: [SESSION] })) as never)
    const { page } = await open('/orders/ord_1/move')
    expect(page.find('li button').exists()).toBe(true)
    await vi.advanceTimersByTimeAsync(2000)
    expect(page.find('li button').exists()).toBe(false)
    expect(page.text()).toContain('已过自行退号时限')
    page.unmount()
  })

  it('of what was cancelled elsewhere is refused, and offered no longer', async () => {
    const page = await choose()
    vi.spyOn(booking, 'POST').mockImplementation((() => {
      orders = [orderOf('cancelled')]
      return refused(409, 'order_ended')
    }) as never)
    await page.find('.primary').trigger('click')
    await flushPromises()
    expect(page.find('.primary').exists()).toBe(false)
    expect(page.text()).toContain('这个预约现在不能改约')
    page.unmount()
  })

  it('that came to nothing leaves no sum to be set off', async () => {
    const dear = { replaces: 'ord_0', fee: yuan(8000), due: yuan(3000) }
    for (const [state, told] of [['awaiting_payment', true], ['cancelled', false], ['expired', false]] as const) {
      orders = [orderOf(state, dear)]
      const { page } = await open('/orders/ord_1')
      expect(page.text().includes('抵付')).toBe(told)
      page.unmount()
    }
  })
})

it.each([
  ['expected', '前到院报到'],
  ['waiting', '您已报到，正在候诊'],
  ['called', '正在叫您的号'],
] as const)('on the day, an order says how her visit stands: %s', async (state, words) => {
  visit = { id: 'vis_1', state }
  orders = [orderOf('confirmed', { ...PAID, visit_id: 'vis_1', visit: { ...orderOf('confirmed').visit!, date: '2026-11-23' } })]
  const { page } = await open('/orders/ord_1')
  await flushPromises()
  expect(page.find('.status [role=status]').text()).toContain(words)
  expect(page.find('.status [role=status]').text().includes('前到院报到')).toBe(state === 'expected')
  page.unmount()
})

it('the focus goes on where paying goes on', async () => {
  orders = [orderOf('awaiting_payment')]
  vi.spyOn(payment, 'POST').mockImplementation((() => ok(paymentOf({ state: 'pending', method: 'alipay', channel: 'wap', show: { type: 'link', url: 'https://pay.example/1' } }))) as never)
  const { page } = await open('/orders/ord_1/pay')
  const press = async (text: string) => {
    const button = page.findAll('button').find((one) => one.text().includes(text))!
    ;(button.element as HTMLElement).focus()
    await button.trigger('click')
    await flushPromises()
    await vi.advanceTimersByTimeAsync(500)
    await flushPromises()
    return document.activeElement?.id
  }
  expect(await press('支付宝')).toBe('shown')
  expect(await press('改用二维码')).toBe('shown')
  expect(await press('换一种支付方式')).toBe('choose')
  page.unmount()
})
