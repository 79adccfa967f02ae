import { effectScope, nextTick, ref } from 'vue'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { payment as api, Problem } from '@/api'
import type { Payment } from './pay'
import { usePaying, type Paying } from './paying'
import { paymentOf } from './samples'

type Post = { params: { path: { order_id: string } }; body: Record<string, string>; headers: Record<string, string> }
const QR = { type: 'qr' as const, text: 'https://pay.example/1' }
const pending = (more: Partial<Payment> = {}) => paymentOf({ state: 'pending', show: QR, ...more })
const answer = (data: Payment) => ({ data, response: new Response(null, { status: 200 }) })
const refusal = (code: string) => ({ error: { code }, response: new Response(null, { status: 409 }) })

let scope = effectScope()
let paying: Paying
const post = vi.fn<(path: string, init: Post) => Promise<unknown>>()
const get = vi.fn<() => Promise<unknown>>()

beforeEach(() => {
  vi.useFakeTimers()
  post.mockReset()
  get.mockReset()
  vi.spyOn(api, 'POST').mockImplementation(post as never)
  vi.spyOn(api, 'GET').mockImplementation(get as never)
  scope = effectScope()
  paying = scope.run(() => usePaying(ref('ord_1')))!
})
afterEach(() => {
  scope.stop()
  vi.useRealTimers()
})

const keys = () => post.mock.calls.map(([, init]) => init.headers['Idempotency-Key'])
async function later(milliseconds: number): Promise<void> {
  await vi.advanceTimersByTimeAsync(milliseconds)
  await nextTick()
}

describe('an attempt', () => {
  it('is started once, shown, and asked after until it is paid', async () => {
    post.mockResolvedValue(answer(pending()))
    get.mockResolvedValueOnce(answer(pending())).mockResolvedValue(answer(paymentOf()))
    paying.choose({ method: 'wechat', channel: 'native' })
    await later(0)
    expect(paying.payment?.show).toEqual(QR)
    await later(2000)
    expect(paying.payment?.state).toBe('pending')
    await later(2000)
    expect(paying.payment?.state).toBe('succeeded')
    await later(60_000)
    expect([post.mock.calls.length, get.mock.calls.length]).toEqual([1, 2])
  })

  it('waits for payment-svc to hear of the order, with a new key each time', async () => {
    post.mockResolvedValueOnce(refusal('payment_not_ready')).mockResolvedValue(answer(pending()))
    paying.choose({ method: 'wechat', channel: 'native' })
    await later(700)
    expect(paying.payment?.state).toBe('pending')
    expect(new Set(keys()).size).toBe(2)
  })

  it('does not wait for ever', async () => {
    post.mockResolvedValue(refusal('payment_not_ready'))
    paying.choose({ method: 'wechat', channel: 'native' })
    await later(20_000)
    expect((paying.error as Problem).code).toBe('payment_not_ready')
    expect(paying.busy).toBe(false)
  })

  it('that a service could not answer is the same one when it is tried again', async () => {
    post.mockResolvedValueOnce({ error: {}, response: new Response(null, { status: 503 }) }).mockResolvedValueOnce(refusal('payment_refused'))
    post.mockResolvedValue(answer(pending()))
    paying.choose({ method: 'wechat', channel: 'native' })
    await later(0)
    paying.again()
    await later(0)
    paying.again()
    await later(0)
    const [first, second, third] = keys()
    expect([second === first, third === first]).toEqual([true, false])
  })

  it('that has gone stale is shown anew under the same key', async () => {
    const show_until = new Date(Date.now() + 3000).toISOString()
    post.mockResolvedValueOnce(answer(pending({ show_until }))).mockResolvedValue(answer(pending({ show: { ...QR, text: 'new' } })))
    get.mockResolvedValue(answer(pending({ show_until })))
    paying.choose({ method: 'wechat', channel: 'native' })
    await later(5000)
    expect(paying.payment?.show?.text).toBe('new')
    expect(new Set(keys()).size).toBe(1)
    expect(keys()).toHaveLength(2)
  })

  it('that ended without money leads back to the choice, and the next one has another key', async () => {
    post.mockResolvedValue(answer(pending()))
    get.mockResolvedValue(answer(paymentOf({ state: 'failed' })))
    paying.choose({ method: 'wechat', channel: 'native' })
    await later(2500)
    expect([paying.way, paying.payment, paying.ended?.state]).toEqual([null, null, 'failed'])
    paying.choose({ method: 'wechat', channel: 'native' })
    await later(0)
    expect(new Set(keys()).size).toBe(2)
  })

  it('by a method that is not offered is not offered again', async () => {
    post.mockResolvedValue(refusal('method_not_available'))
    paying.choose({ method: 'alipay', channel: 'qr' })
    await later(0)
    expect(paying.refused.has('alipay')).toBe(true)
    expect(paying.way).toBeNull()
  })

  it('that was left for another way is asked after no more', async () => {
    post.mockResolvedValue(answer(pending()))
    get.mockResolvedValue(answer(pending()))
    paying.choose({ method: 'wechat', channel: 'native' })
    await later(0)
    paying.change()
    await later(10_000)
    expect(get).not.toHaveBeenCalled()
    expect(paying.payment).toBeNull()
  })

  it('that is answered after she has left it is not shown', async () => {
    let give = (_: unknown) => {}
    post.mockReturnValue(new Promise((resolve) => (give = resolve)))
    paying.choose({ method: 'wechat', channel: 'native' })
    paying.change()
    give(answer(pending()))
    await later(3000)
    expect([paying.way, paying.payment]).toEqual([null, null])
    expect(get).not.toHaveBeenCalled()
  })

  it('goes on after a reload', async () => {
    get.mockResolvedValue(answer(pending({ reason: 'asked' })))
    paying.resume(pending())
    await later(2000)
    expect([paying.way?.channel, paying.payment?.reason]).toEqual(['native', 'asked'])
    paying.resume(pending({ id: 'pay_9', method: 'alipay' }))
    expect(paying.way?.method).toBe('wechat')
    expect(post).not.toHaveBeenCalled()
  })

  it('out of reach is said, and asked after again', async () => {
    post.mockResolvedValue(answer(pending()))
    get.mockRejectedValueOnce(new Error('away')).mockResolvedValue(answer(paymentOf()))
    paying.choose({ method: 'wechat', channel: 'native' })
    await later(2000)
    expect(paying.error).toBeInstanceOf(Error)
    await later(2000)
    expect([paying.error, paying.payment?.state]).toEqual([undefined, 'succeeded'])
  })
})
