import { afterEach, expect, it, vi } from 'vitest'
import { ask, booking, Unreachable } from '.'

afterEach(() => vi.unstubAllGlobals())

it('a page in the place of an answer is no answer', async () => {
  vi.stubGlobal('fetch', async () => new Response('<html>Welcome to the hotel</html>', { status: 200 }))
  await expect(ask(booking.GET('/api/v1/orders'))).rejects.toThrow(Unreachable)
})

it.each([new TypeError('terminated'), new DOMException('too long', 'TimeoutError')])('nor is one that breaks off: %s', async (cause) => {
  await expect(ask(Promise.reject(cause))).rejects.toThrow(Unreachable)
})

it('a fault of our own is none of the network', async () => {
  await expect(ask(Promise.reject(new RangeError('ours')))).rejects.toThrow(RangeError)
})
