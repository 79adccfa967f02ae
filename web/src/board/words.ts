/** What is spoken of a call: numbers digit by digit, as one reads them off a ticket or a door. */

import { englishRoom, isNamed, type Queue, type Spoken } from '@/shared/clinic'

const ZH = '零一二三四五六七八九'
const EN = ['zero', 'one', 'two', 'three', 'four', 'five', 'six', 'seven', 'eight', 'nine']

function inChinese(text: string): string {
  return text.replace(/\d/g, (digit) => ZH[Number(digit)]!)
}

/** Letters one by one, too: W3 is "W three". */
function inEnglish(text: string): string {
  return text.replace(/\d|[A-Z](?=\d)/g, (one) => ` ${/\d/.test(one) ? EN[Number(one)] : one} `).replace(/\s+/g, ' ').trim()
}

export interface Utterance {
  lang: 'zh-CN' | 'en'
  text: string
}

/** `whose`: said as well where several queues are on one wall, whose numbers may be the same. */
export function utterances(call: Spoken, queue: Pick<Queue, 'department_name' | 'doctor_name'>, whose: boolean, english: boolean): Utterance[] {
  const room = call.room ?? ''
  const door = inChinese(room) + (isNamed(room) ? '' : '诊室')
  const of = whose ? [queue.department_name, queue.doctor_name].filter(Boolean).join('，') : ''
  const zh = `${call.again ? '再次呼叫，' : ''}请${of ? `${of}的` : ''}，${inChinese(call.ticket)}号，到${door}就诊。`
  const found: Utterance[] = [{ lang: 'zh-CN', text: zh }]
  if (english) {
    const where = inEnglish(englishRoom(room).replace(/^Room /, 'room '))
    found.push({ lang: 'en', text: `Number ${inEnglish(call.ticket)}, please come to ${where}.` })
  }
  return found
}
