import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { Problem, Unreachable } from '@/api/problem'
import { download } from './download'

const answer = { now: () => new Response('') }
const saved = vi.fn()

beforeEach(() => {
  saved.mockClear()
  vi.stubGlobal('fetch', async () => answer.now())
  vi.spyOn(URL, 'createObjectURL').mockImplementation((blob) => (saved((blob as Blob).size), 'blob:x'))
  vi.spyOn(HTMLAnchorElement.prototype, 'click').mockImplementation(() => undefined)
})
afterEach(() => vi.unstubAllGlobals())

it('saves what comes', async () => {
  answer.now = () => new Response('a,b\n1,2\n')
  await download('/api/v1/sessions', 'x.csv')
  expect(saved).toHaveBeenCalledWith(8)
})

it('saves nothing of a file that breaks off, and says that no answer came', async () => {
  const broken = new ReadableStream({
    start(controller) {
      controller.enqueue(new TextEncoder().encode('a,b\n'))
      controller.error(new DOMException('cut', 'AbortError'))
    },
  })
  answer.now = () => new Response(broken)
  await expect(download('/api/v1/sessions', 'x.csv')).rejects.toThrow(Unreachable)
  expect(saved).not.toHaveBeenCalled()
})

it('says why there is none', async () => {
  answer.now = () => Response.json({ code: 'forbidden' }, { status: 403 })
  await expect(download('/api/v1/sessions', 'x.csv')).rejects.toThrow(Problem)
})
