/** The page that sends rosters: to the hospital that it names, and with what was answered told when it breaks off. */

import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { choose, hospitals } from '../hospital'
import { answering, button, mounted, problem } from '../mounting'
import './messages'
import { PART } from './upload'
import UploadPage from './UploadPage.vue'
import type { Asked, Told } from './worker'

/** The worker's side, which finds this as its `self`. */
const port = { onmessage: undefined as unknown as (event: { data: Asked }) => void, postMessage: (_: Told) => {} }
vi.stubGlobal('self', port)
await import('./worker')
vi.unstubAllGlobals()

/** A worker on the page's own thread. While `waiting` is a list, what is asked waits there. */
class HereWorker {
  static waiting: (() => void)[] | undefined
  static made: HereWorker[] = []
  onmessage?: (event: { data: Told }) => void
  onerror?: () => void
  gone = false
  constructor() {
    HereWorker.made.push(this)
  }
  postMessage(asked: Asked, transfer: Transferable[]): void {
    const data = structuredClone(asked, { transfer })
    const answer = () => {
      port.postMessage = (told) => this.gone || this.onmessage?.({ data: structuredClone(told) })
      port.onmessage({ data })
    }
    if (HereWorker.waiting) HereWorker.waiting.push(answer)
    else queueMicrotask(answer)
  }
  terminate(): void {
    this.gone = true
  }
}

const [renji, tongde] = [
  { id: 'hos_1', code: 'renji', name: '仁济' },
  { id: 'hos_2', code: 'tongde', name: '同德' },
]
const summary = { roster_id: 'ros_1', status: 'applied', applied: 1, unchanged: 0, rejected: 0, kept: 0, more: 0, rows: [] }
const CSV = 'doctor,department,date,start,end,slot_minutes,capacity,fee,release_days,release_time\nD1,c,2026-12-05,8:00,9:00,30,5,60,7,07:00'

function drop(root: HTMLElement, text: string, name = 'roster'): void {
  const event = new Event('drop', { cancelable: true })
  Object.assign(event, { dataTransfer: { files: [new File([text], name)] } })
  root.querySelector('.drop')!.dispatchEvent(event)
}
const sends = (root: HTMLElement) => [...root.querySelectorAll('button')].some((one) => one.textContent === '发送')

describe('a roster that is uploaded', () => {
  beforeEach(() => {
    hospitals.value = [renji, tongde] as typeof hospitals.value
    choose('hos_1')
    HereWorker.waiting = undefined
    HereWorker.made = []
    vi.stubGlobal('Worker', HereWorker)
  })
  afterEach(() => {
    vi.unstubAllGlobals()
    vi.useRealTimers()
  })

  it('is forgotten when another hospital is chosen, and goes to the one that the page names', async () => {
    const asked = answering(({ method }) => (method === 'GET' ? { items: [], next_cursor: null } : summary))
    const { root, gone } = await mounted(UploadPage)
    drop(root, CSV)
    await vi.waitFor(() => expect(root.textContent).toContain('将发送给仁济'))
    choose('hos_2')
    await vi.waitFor(() => expect(sends(root)).toBe(false))
    drop(root, CSV)
    await vi.waitFor(() => expect(root.textContent).toContain('将发送给同德'))
    button(root, '发送').click()
    await vi.waitFor(() => expect(root.textContent).toContain('全部收下'))
    expect(asked.filter(({ method }) => method === 'POST').map(({ body }) => (body as { subject: string }).subject)).toEqual(['tongde'])
    gone()
  })

  it('of another hospital than the one chosen is refused before it is sent', async () => {
    answering(() => ({ items: [], next_cursor: null }))
    const { root, gone } = await mounted(UploadPage)
    drop(root, JSON.stringify({ hospital: { code: 'tongde' }, sessions: [{}] }))
    await vi.waitFor(() => expect(root.querySelector('[role=alert]')?.textContent).toContain('tongde'))
    expect(sends(root)).toBe(false)
    gone()
  })

  it('that breaks off says how much was answered, and goes on from there', async () => {
    let broken = true
    const asked = answering(({ method, body }) => {
      if (method === 'GET') return { items: [], next_cursor: null }
      const first = (body as { sessions: { code: number }[] }).sessions[0]!.code
      return first === PART && broken ? problem({ code: 'roster_not_found' }, 404) : summary
    })
    const { root, gone } = await mounted(UploadPage)
    drop(root, JSON.stringify({ hospital: { code: 'renji' }, sessions: Array.from({ length: 2 * PART + 1 }, (_, code) => ({ code })) }))
    await vi.waitFor(() => expect(sends(root)).toBe(true))
    const lists = () => asked.filter(({ method }) => method === 'GET').length
    const before = lists()
    button(root, '发送').click()
    await vi.waitFor(() => expect(root.textContent).toContain('3 部分中的 1 部分已有答复'))
    expect(lists()).toBeGreaterThan(before)
    broken = false
    button(root, '发送').click()
    await vi.waitFor(() => expect(root.textContent).toContain('全部收下'))
    const posts = asked.filter(({ method }) => method === 'POST')
    expect(posts).toHaveLength(4)
    expect(posts[1]!.key).toBe(posts[2]!.key)
    expect(root.textContent).not.toContain('部分已有答复')
    gone()
  })

  it('has nothing to send if no line can be read, and says at once why not', async () => {
    answering(() => ({ items: [], next_cursor: null }))
    const { root, gone } = await mounted(UploadPage)
    drop(root, CSV.replace('8:00,9:00', '8:00,7:00'))
    await vi.waitFor(() => expect(root.textContent).toContain('文件里没有可以收下的'))
    expect(root.querySelector('li')?.textContent).toMatch(/第 2 行 end.*结束早于开始.*7:00/)
    expect(root.textContent).not.toContain('单个事件')
    expect(button(root, '发送').disabled).toBe(true)
    drop(root, `${CSV}\nD2,c,2026-12-05,8:00,9:00,30,5,1,200,7,07:00`)
    await vi.waitFor(() => expect(root.querySelector('li')?.textContent).toContain('第 3 行'))
    expect(button(root, '发送').disabled).toBe(false)
    drop(root, `${CSV}\n"D2,c\nD3,c\nD4,c`)
    await vi.waitFor(() => expect(root.textContent).toContain('有 3 行读不懂'))
    drop(root, JSON.stringify({ specversion: '1.0', type: 'haoyuan.roster.session_stopped.v1', data: { session: 'x' } }))
    await vi.waitFor(() => expect(root.textContent).toContain('单个事件'))
    expect(button(root, '发送').disabled).toBe(false)
    gone()
  })

  it('has a table of a few hundred faults, however many there are', async () => {
    answering(({ method }) => (method === 'GET' ? { items: [], next_cursor: null } : summary))
    const { root, gone } = await mounted(UploadPage)
    drop(root, CSV + '\nx'.repeat(700))
    await vi.waitFor(() => expect(root.querySelectorAll('li')).toHaveLength(200))
    expect(root.textContent).toContain('有 700 行读不懂')
    button(root, '发送').click()
    await vi.waitFor(() => expect(root.textContent).toContain('部分收下'))
    expect(root.querySelectorAll('tbody tr')).toHaveLength(500)
    expect(root.textContent).toContain('只列出前 500 行')
    gone()
  })

  it('and corrected within the same minute has a greater version', async () => {
    vi.useFakeTimers({ toFake: ['Date'], now: Date.parse('2026-11-23T10:00:20Z') })
    const asked = answering(({ method }) => (method === 'GET' ? { items: [], next_cursor: null } : summary))
    const { root, gone } = await mounted(UploadPage)
    for (const fee of ['60', '65']) {
      drop(root, CSV.replace(',60,', `,${fee},`), fee)
      await vi.waitFor(() => expect(root.textContent).toContain(`文件“${fee}”`))
      button(root, '发送').click()
      await vi.waitFor(() => expect(root.textContent).toContain('全部收下'))
      vi.setSystemTime(Date.now() + 5000)
    }
    const versions = asked.filter(({ method }) => method === 'POST').map(({ body }) => (body as { data: { sessions: { version: number }[] } }).data.sessions[0]!.version)
    expect(versions).toHaveLength(2)
    expect(versions[1]).toBeGreaterThan(versions[0]!)
    gone()
  })

  it('is said to be read while it is, and gives way to another one', async () => {
    answering(() => ({ items: [], next_cursor: null }))
    const { root, gone } = await mounted(UploadPage)
    const waiting: (() => void)[] = (HereWorker.waiting = [])
    drop(root, CSV, '一月')
    await vi.waitFor(() => expect(waiting).toHaveLength(1))
    expect(root.querySelector('[role=status]')?.textContent).toBe('正在读取“一月”…')
    drop(root, CSV, '二月')
    await vi.waitFor(() => expect(waiting).toHaveLength(2))
    expect(HereWorker.made.map((worker) => worker.gone)).toEqual([true, false])
    for (const answer of waiting) answer()
    await vi.waitFor(() => expect(root.textContent).toContain('文件“二月”'))
    expect(root.textContent).not.toMatch(/正在读取|一月/)
    expect(HereWorker.made[1]!.gone).toBe(true)
    gone()
  })

  it('is said to be unread if its reader stops', async () => {
    answering(() => ({ items: [], next_cursor: null }))
    const { root, gone } = await mounted(UploadPage)
    HereWorker.waiting = []
    drop(root, CSV)
    await vi.waitFor(() => expect(HereWorker.made).toHaveLength(1))
    HereWorker.made[0]!.onerror!()
    await vi.waitFor(() => expect(root.querySelector('[role=alert]')).not.toBeNull())
    expect(root.textContent).not.toContain('正在读取')
    gone()
  })

  it.each(['{"hospital": ', '{"a": x}', '[1,2]'])('that is %s is refused in words of ours', async (text) => {
    answering(() => ({ items: [], next_cursor: null }))
    const { root, gone } = await mounted(UploadPage)
    drop(root, text)
    await vi.waitFor(() => expect(root.querySelector('[role=alert]')?.textContent).toMatch(/JSON.*。$/))
    expect(root.querySelector('[role=alert]')!.textContent!.replace('JSON', '')).not.toMatch(/[a-z]/i)
    gone()
  })
})
