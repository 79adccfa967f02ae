import { afterEach, describe, expect, it } from 'vitest'
import { setLocale } from '@/i18n'
import { roomName } from './clinic'

const names = (...rooms: string[]) => rooms.map(roomName)

describe('the name of a room', () => {
  afterEach(() => setLocale('zh-CN'))

  it('is said once, whatever stands behind it, and in whichever language it is', () => {
    expect(names('101', 'B336 诊室', '3号窗口', 'B区101', 'Room 3')).toEqual(['101 诊室', 'B336 诊室', '3号窗口', 'B区101 诊室', 'Room 3'])
    expect(names('第十二诊室（东楼三层靠近电梯）', 'A101(东楼)', '彩超室东')).toEqual(['第十二诊室（东楼三层靠近电梯）', 'A101(东楼) 诊室', '彩超室东'])
    setLocale('en')
    expect(names('101', 'B336 诊室', 'Room 3', '第十二诊室', '第十二诊室（东楼）')).toEqual(['Room 101', 'Room B336', 'Room 3', '第十二诊室', '第十二诊室（东楼）'])
  })
})
