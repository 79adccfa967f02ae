import { TransformStream } from 'node:stream/web' // happy-dom has none in a thread's own world
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { effectScope } from 'vue'
import { distrust } from './session'
import { useStream, type Stream } from './stream'

vi.mock('./session', () => ({ bearer: () => Promise.resolve('token'), distrust: vi.fn() }))

const encoder = new TextEncoder()
let connections: { headers: Headers; send: (text: string) => void; end: () => void; signal: AbortSignal }[] = []
let told: [string, unknown][] = []

function serve(status = 200): void {
  vi.stubGlobal('fetch', async (_path: string, init: RequestInit) => {
    if (status !== 200) {
      connections.push({ headers: new Headers(init.headers), send: () => undefined, end: () => undefined, signal: init.signal! })
      return new Response('{}', { status })
    }
    const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>()
    const writer = writable.getWriter()
    init.signal!.addEventListener('abort', () => void writer.abort(new Error('aborted')).catch(() => undefined))
    connections.push({
      headers: new Headers(init.headers),
      send: (text) => void writer.write(encoder.encode(text)).catch(() => undefined),
      end: () => void writer.close().catch(() => undefined),
      signal: init.signal!,
    })
    return new Response(readable as unknown as ReadableStream)
  })
}

function listen(): { stream: Stream; stop: () => void } {
  const scope = effectScope()
  return { stream: scope.run(() => useStream('/api/v1/x/stream', (event, data) => take(event, data)))!, stop: () => scope.stop() }
}
const keep = (event: string, data: unknown): unknown => told.push([event, data])
let take = keep

const soon = () => vi.advanceTimersByTimeAsync(1)

describe('a live stream', () => {
  beforeEach(() => {
    vi.useFakeTimers()
    connections = []
    told = []
    take = keep
  })
  afterEach(() => {
    vi.useRealTimers()
    vi.unstubAllGlobals()
  })

  it('tells what comes, in whatever pieces, and sends the token', async () => {
    serve()
    const { stream, stop } = listen()
    await soon()
    expect(connections[0]!.headers.get('Authorization')).toBe('Bearer token')
    connections[0]!.send('event: queue\nda')
    connections[0]!.send('ta: {"name":"张')
    connections[0]!.send('*"}\n\n:\n\n')
    await soon()
    expect(told).toEqual([['queue', { name: '张*' }]])
    expect(stream.link.value).toBe('live')
    stop()
    await soon()
    expect(connections[0]!.signal.aborted).toBe(true)
  })

  it('comes again where it was when the connection ends', async () => {
    serve()
    const { stream, stop } = listen()
    await soon()
    connections[0]!.send('id: 7\nevent: visit\ndata: 1\n\n')
    await soon()
    connections[0]!.end()
    await soon()
    expect(stream.link.value).toBe('lost')
    await vi.advanceTimersByTimeAsync(1500)
    expect(connections[1]!.headers.get('Last-Event-ID')).toBe('7')
    expect(stream.link.value).toBe('live')
    stop()
  })

  it('comes again at once, and is not lost, when the server ends it as it ends all of them', async () => {
    serve()
    const { stream, stop } = listen()
    await soon()
    await vi.advanceTimersByTimeAsync(20_000)
    connections[0]!.send('event: bye\ndata: {"reason":"token_expired"}\n\n')
    await soon()
    connections[0]!.end()
    await soon()
    expect(connections).toHaveLength(2)
    expect(stream.link.value).toBe('live')
    stop()
  })

  it('is lost as soon as the browser has no network, and tries again as soon as it has one', async () => {
    serve()
    const { stream, stop } = listen()
    await soon()
    window.dispatchEvent(new Event('offline'))
    await soon()
    expect(stream.link.value).toBe('lost')
    window.dispatchEvent(new Event('online'))
    await soon()
    expect(connections).toHaveLength(2)
    expect(stream.link.value).toBe('live')
    stop()
  })

  it('takes a long silence for a dead connection', async () => {
    serve()
    const { stop } = listen()
    await soon()
    await vi.advanceTimersByTimeAsync(30_000)
    connections[0]!.send(':\n\n')
    await vi.advanceTimersByTimeAsync(30_000)
    expect(connections).toHaveLength(1)
    await vi.advanceTimersByTimeAsync(15_000)
    expect(connections.length).toBeGreaterThan(1)
    stop()
  })

  it.each<[string, () => void]>([
    ['is no JSON', () => connections.at(-1)!.send('event: visit\ndata: <html>\n\n')],
    [
      'is more than its component can bear',
      () => {
        take = () => expect.fail('no such visit')
        connections.at(-1)!.send('event: visit\ndata: 1\n\n')
      },
    ],
  ])('has one connection at most, and comes less and less often, though what is told %s', async (_, send) => {
    serve()
    const { stop } = listen()
    for (let second = 0; second < 60; second++) {
      await soon()
      if (!connections.at(-1)!.signal.aborted) send()
      await vi.advanceTimersByTimeAsync(1000)
      expect(connections.filter(({ signal }) => !signal.aborted).length).toBeLessThanOrEqual(1)
    }
    expect(connections.length).toBeGreaterThan(3)
    expect(connections.length).toBeLessThan(12)
    stop()
    await soon()
    expect(connections.filter(({ signal }) => !signal.aborted)).toEqual([])
  })

  it('asks for another token when its own was refused', async () => {
    vi.mocked(distrust).mockClear()
    serve(401)
    const { stop } = listen()
    await soon()
    expect(distrust).toHaveBeenCalledWith('token')
    serve()
    await vi.advanceTimersByTimeAsync(1500)
    expect(connections).toHaveLength(2)
    expect(distrust).toHaveBeenCalledTimes(1)
    stop()
  })

  it('comes again soon after it has told something, however long it was away before', async () => {
    serve(503)
    const { stop } = listen()
    await vi.advanceTimersByTimeAsync(60_000)
    serve()
    await vi.advanceTimersByTimeAsync(16_000)
    const before = connections.length
    connections.at(-1)!.send('event: visit\ndata: 1\n\n')
    await soon()
    connections.at(-1)!.end()
    await vi.advanceTimersByTimeAsync(1500)
    expect(connections).toHaveLength(before + 1)
    stop()
  })

  it('does not come again where it was sent away', async () => {
    serve()
    const { stream, stop } = listen()
    await soon()
    connections[0]!.send('event: bye\ndata: {"reason":"elsewhere"}\n\n')
    await soon()
    connections[0]!.end()
    await vi.advanceTimersByTimeAsync(60_000)
    expect(connections).toHaveLength(1)
    expect(stream.link.value).toBe('ended')
    stop()
  })

  it('does not ask again for what is not there', async () => {
    serve(404)
    const { stream, stop } = listen()
    await vi.advanceTimersByTimeAsync(60_000)
    expect(connections).toHaveLength(1)
    expect(stream.link.value).toBe('ended')
    stop()
  })

  it('comes again less and less often while the server is away', async () => {
    serve(503)
    const { stop } = listen()
    await vi.advanceTimersByTimeAsync(60_000)
    expect(connections.length).toBeGreaterThan(3)
    expect(connections.length).toBeLessThan(12)
    stop()
  })
})
