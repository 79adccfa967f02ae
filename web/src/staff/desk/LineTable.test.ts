import { mount } from '@vue/test-utils'
import { expect, it } from 'vitest'
import { i18n } from '@/i18n'
import type { InLine } from '@/shared/clinic'
import LineTable from './LineTable.vue'
import './messages'

const visit = (n: number) => ({ visit_id: `v${n}`, ticket: `W${n}`, state: 'waiting', visit_class: 'walk_in', passes: 0 }) as InLine

it('keeps the focus in the list when the row that had it leaves', async () => {
  const desk = { may: true, queue: { state: 'open' }, visitAct: { busy: false } } as never
  const list = mount(LineTable, { props: { desk, list: 'waiting', visits: [visit(1), visit(2)] }, global: { plugins: [i18n] }, attachTo: document.body })
  list.find<HTMLElement>('.do').element.focus()
  await list.setProps({ visits: [visit(2)] })
  expect(document.activeElement).toBe(list.find('.scroll').element)
  await list.setProps({ visits: [] })
  expect(document.activeElement).toBe(list.find('h2').element)
  list.unmount()
})
