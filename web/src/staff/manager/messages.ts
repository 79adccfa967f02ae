import { both, type Locale } from '@/i18n'
import { codes } from './codes'
import { planner } from './plannerWords'
import { pages } from './words'

const problems = both(
  {
    problems: {
    planner_busy: '有人正在做规划，请稍等片刻再试。',
    nothing_planned: '那天那个时段还没有人预约，请换一天，或用数字来规划。',
    session_not_found: '没有这次出诊，或叫号系统还不知道它。',
    department_not_found: '这个科室还没有人预约过。',
    hospital_not_found: '没有这家医院。',
    account_not_found: '没有这个账号。请本人先注册，再在这里授予角色。',
    staff_elsewhere: '这个账号在另一家医院任职，或是平台运维账号。',
    own_role: '不能取消自己的管理员角色，请由另一位管理员操作。',
    username_taken: '这个用户名已有人使用；大屏需要一个新账号。',
    board_account: '大屏账号不能改作他用。',
    doctor_not_found: '本院没有这位医生。',
    validation_error: '有内容填写不正确，见下方说明。',
    },
  },
  {
    problems: {
    planner_busy: 'Somebody else is planning: try again in a moment.',
    nothing_planned: 'Nobody is booked there and then: choose another day, or plan by numbers.',
    session_not_found: 'There is no such session, or the clinic has not heard of it yet.',
    department_not_found: 'Nobody was ever booked for this department.',
    hospital_not_found: 'There is no such hospital.',
    account_not_found: 'There is no such account. Its owner registers first, then gets her roles here.',
    staff_elsewhere: 'This account works for another hospital, or is an operator.',
    own_role: 'You cannot take your own role away: another administrator has to.',
    username_taken: 'The name is taken; a screen needs an account of its own.',
    board_account: 'The account of a screen stays one.',
    doctor_not_found: 'The hospital has no such doctor.',
    validation_error: 'Something is not filled in correctly: see below.',
    },
  },
)

const of = (locale: Locale) => ({
  manager: { ...pages[locale].manager, ...codes[locale].manager, ...planner[locale].manager },
  problems: problems[locale].problems,
})

export const messages = { 'zh-CN': of('zh-CN'), en: of('en') }
