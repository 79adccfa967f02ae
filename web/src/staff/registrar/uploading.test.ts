/** The page that sends rosters: to the hospital that it names, and with what was answered told when it breaks off. */

import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { choose, hospitals } from '../hospital'
import { answering, button, mounted, problem } from '../mounting'
import './messages'
import { PART } from './upload'
import UploadPage from './UploadPage.vue'

const [renji, tongde] = [
  { id: 'hos_1', code: 'renji', name: '仁济' },
  { id: 'hos_2', code: 'tongde', name: '同德' },
]
const summary = { roster_id: 'ros_1', status: 'applied', applied: 1, unchanged: 0, rejected: 0, kept: 0, more: 0, rows: [] }
const CSV = 'doctor,department,date,start,end,slot_minutes,capacity,fee,release_days,release_time\nD1,c,2026-12-05,8:00,9:00,30,5,60,7,07:00'

function drop(root: HTMLElement, text: string): void {
  const event = new Event('drop', { cancelable: true })
  Object.assign(event, { dataTransfer: { files: [new File([text], 'roster')] } })
  root.querySelector('.drop')!.dispatchEvent(event)
}
const sends = (root: HTMLElement) => [...root.querySelectorAll('button')].some((one) => one.textContent === '发送')

describe('a roster that is uploaded', () => {
  beforeEach(() => {
    hospitals.value = [renji, tongde] as typeof hospitals.value
    choose('hos_1')
  })
  afterEach(() => vi.unstubAllGlobals())

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
})
