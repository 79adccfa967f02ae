import { flushPromises, mount } from '@vue/test-utils'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { booking, schedule, serverNow, Unreachable, type Session } from '@/api'
import { i18n, setLocale } from '@/i18n'
import './messages'
import TargetField from './TargetField.vue'
import { targetsOf } from './targets'

const NOW = Date.parse('2026-11-23T17:44:00+08:00')
function session(id: string, hours: string, state = 'open', department = 'd'): Session {
  const [starts_at, ends_at] = hours.split('-').map((hour) => `2026-11-23T${hour}:00:00+08:00`)
  return { id, state, starts_at, ends_at, room: 'C206', hospital: { id: 'h' }, department: { id: department, name: '内科' }, doctor: { id, name: id } } as unknown as Session
}
const HERE = session('here', '14-18')
const TODAY = [
  HERE, session('morning', '08-12', 'closed'), session('late', '08-17', 'closed'), session('shut', '08-16', 'closed'), session('full', '14-18', 'sold_out'),
  session('stopped', '14-18', 'stopped'), session('evening', '18-20'), session('elsewhere', '08-12', 'closed', 'other'), session('unknown', '09-12', 'closed'),
]
const LINES: Record<string, object> = {
  morning: { state: 'open', desks: [], waiting: [] },
  late: { state: 'open', desks: [{ room: 'C206' }, { room: '7' }], waiting: [{}, {}] },
  shut: { state: 'closed', desks: [{ room: '1' }], waiting: [] },
  evening: { state: 'open', desks: [], waiting: [] },
  full: { state: 'closed', desks: [], waiting: [] },
}
let asked: string[] = []
let away = false

beforeEach(() => {
  asked = []
  away = false
  vi.spyOn(Date, 'now').mockReturnValue(NOW)
  vi.spyOn(schedule, 'GET').mockImplementation((async (path: string) => ({ data: path.endsWith('}') ? HERE : { items: TODAY }, response: new Response() })) as never)
  vi.spyOn(booking, 'GET').mockImplementation((async (_: string, init: { params: { path: { session_id: string } } }) => {
    const id = init.params.path.session_id
    asked.push(id)
    if (away) throw new Unreachable('the network')
    return LINES[id] ? { data: LINES[id], response: new Response() } : { error: { code: 'session_not_found' }, response: new Response(null, { status: 404 }) }
  }) as never)
})
afterEach(() => {
  vi.restoreAllMocks()
  setLocale('zh-CN')
})

it('offers what goes on or is to come, and of what is over only where a desk of this department is open still', async () => {
  expect(serverNow()).toBe(NOW)
  expect((await targetsOf(HERE)).map((s) => s.id)).toEqual(['late', 'full', 'evening'])
  expect(asked).not.toContain('elsewhere')
  away = true
  await expect(targetsOf(HERE)).rejects.toBeInstanceOf(Unreachable)
})

it('says whether anybody calls there, and names rooms in her language', async () => {
  setLocale('en')
  const field = mount(TargetField, { props: { desk: { sessionId: 'here', session: { data: undefined } } as never, modelValue: '' }, global: { plugins: [i18n] } })
  await flushPromises()
  expect(field.findAll('option').map((o) => o.text())).toContain('内科 late 08:00–17:00 Room C206')
  expect(field.find('[role=status]').text()).toBe('')
  for (const [id, words] of [['late', 'Room C206, Room 7: calls are made, 2 waiting.'], ['evening', 'No desk is open there yet: nobody is called before one is.'], ['full', 'That clinic is closed, and takes nobody any more.']] as const) {
    await field.setProps({ modelValue: id })
    await flushPromises()
    expect(field.find('[role=status]').text()).toBe(words)
  }
  field.unmount()
})
