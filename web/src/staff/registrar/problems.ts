/** What the API answers to registrars, in words. */

import { both } from '@/i18n'
import { codes } from './codes'

/** Codes of docs/rosters.md that stand for a whole request, too. */
const SHARED = ['bad_time', 'bad_date', 'bad_times', 'wrong_date', 'slots_overlap', 'blocked_above_capacity', 'quota_above_capacity', 'bad_draw', 'bad_encoding', 'wrong_hospital', 'unknown_type'] as const

const own = both(
  {
    problems: {
    session_not_found: '没有这次出诊（草稿不对外显示）。',
    session_over: '出诊（或这个时段）已经结束。',
    session_stopped: '这次出诊已停诊。',
    stopped_by_hospital: '是医院自己的系统停的诊，只有它能恢复。',
    session_conflict: '这个出诊代码已被别的内容占用，请换一个代码。',
    session_stale: '平台已有这个代码的更新版本。请刷新后再改。',
    slot_not_found: '没有这个时段。',
    too_many_numbers: '这个时段的号数超过上限。',
    doctor_not_found: '没有这位医生。',
    department_not_found: '没有这个科室。',
    hospital_not_found: '没有这家医院。',
    other_hospital: '这属于另一家医院。',
    roster_not_found: '没有这次导入。',
    mark_not_found: '没有这条记录。',
    no_open_appeal: '这条申诉已经有人处理了。',
    validation_error: '有内容填写不正确。',
    order_not_found: '本院没有这个预约。',
    not_confirmed: '这个预约不是“预约成功”的状态。',
    too_early: '还没到报到时间。',
    too_late: '已过报到时间，号已作废，费用会退还。',
    visit_not_begun: '就诊时间还没到，不能记为爽约。',
    not_possible: '患者正在就诊或已经离开，不能这样做。',
    confirmed_too_late: '这个号确认得太晚，没人来得及就诊；当天结束时会退费。',
    queue_closed: '这次门诊的叫号已经结束。',
    bad_json: '文件不是有效的 JSON。',
    idempotency_key_reused: '内容已改变，请再试一次。',
    },
  },
  {
    problems: {
    session_not_found: 'There is no such session (drafts are not shown).',
    session_over: 'The session, or this part of it, is over.',
    session_stopped: 'This session is cancelled.',
    stopped_by_hospital: "The hospital's own system cancelled it, and it alone can take that back.",
    session_conflict: 'Another session has this code already. Choose another code.',
    session_stale: 'A newer version is known under this code. Load the page anew, then change it.',
    slot_not_found: 'There is no such segment.',
    too_many_numbers: 'The segment would have more numbers than are allowed.',
    doctor_not_found: 'There is no such doctor.',
    department_not_found: 'There is no such department.',
    hospital_not_found: 'There is no such hospital.',
    other_hospital: 'This belongs to another hospital.',
    roster_not_found: 'There is no such input.',
    mark_not_found: 'There is no such mark.',
    no_open_appeal: 'Somebody has decided this appeal already.',
    validation_error: 'Something is not filled in correctly.',
    order_not_found: 'This hospital has no such order.',
    not_confirmed: 'The order is not confirmed.',
    too_early: 'Check-in is not open yet.',
    too_late: 'It is too late: the number is void, and its fee goes back.',
    visit_not_begun: 'The visit has not begun: nobody has missed it.',
    not_possible: 'She is with the doctor, or has left: this cannot be said of her.',
    confirmed_too_late: 'It was confirmed too late for anybody to come; the end of the day gives its fee back.',
    queue_closed: 'The clinic is over.',
    bad_json: 'The file is no valid JSON.',
    idempotency_key_reused: 'This has been changed since: try again.',
    },
  },
)

const shared = (locale: 'zh-CN' | 'en') => Object.fromEntries(SHARED.map((code) => [code, codes[locale].registrar.codes[code]]))

export const problems = {
  'zh-CN': { ...shared('zh-CN'), ...own['zh-CN'].problems },
  en: { ...shared('en'), ...own.en.problems },
}
