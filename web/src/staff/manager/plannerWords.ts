import { both } from '@/i18n'

export const planner = both(
  {
    manager: { planner: {
    title: '方案规划',
    about: '用真实学到的看诊时长、爽约与早到迟到情况，把同一批患者放进不同方案里逐日模拟，看等待、加班与空闲怎样变化。不改变任何排班。',
    base: '现状', from: '从哪里开始', kinds: { department: '一个科室的某天某时段', session: '一次出诊', given: '自己填数字' },
    given: {
      segments: '各时段预约人数', doctors: '医生数', minutes: '出诊总分钟', service_minutes: '每人看诊分钟', service_cv: '看诊时长变异系数', no_show: '不来的比例（%）',
      late_minutes: '平均迟到分钟（负数为早到）', late_spread_minutes: '迟到的标准差（分钟）', walk_ins: '每小时现场患者', priority: '每小时优先患者', emergencies: '每小时急诊', discipline: '叫号规则',
    },
    segmentsHint: '“第几分钟:人数”，例如 0:10 30:10', noSessions: '当天没有出诊', alternatives: '可选方案',
    alternativesAbout: '每行一个方案，留空的与现状相同。只延长出诊时，各时段随之拉长。', name: '方案', doctors: '医生数', minutes: '总分钟', segments: '各时段人数', asBase: '与现状相同',
    of: '方案 {n}：{what}', removeOne: '删除', withDoctors: '{n} 位医生', withMinutes: '延长到 {n} 分钟', another: '方案 {n}', addDoctors: '+ {n} 位医生', addMinutes: '+ 延长到 {n} 分钟', addOther: '+ 其他方案',
    staffing: '最少要几位医生', target: '九成患者等待不超过（分钟）', targetHint: '留空则不计算', most: '最多考虑几位', runs: '模拟天数', runsHint: '20 到 1000，越多越准', plan: '开始规划', working: '正在计算…',
    wrong: '请填写，或格式不对', range: '请填写 {from} 到 {to} 之间的数', result: '规划结果', sideBySide: '各方案对比（分钟）', baseName: '现状',
    figures: { seen: '看诊人数', wait_mean: '平均等待', wait_p50: '半数等待不超过', wait_p90: '九成等待不超过', overtime: '平均加班', overtime_p90: '九成日子加班不超过', idle: '每位医生空闲', utilisation: '利用率' },
    terms: '等待从预约时间算起，晚到的从到达算起。加班是最后一位患者离开比出诊结束晚多少。', differences: '与现状相比的变化', figure: '指标', change: '变化', interval: '95% 区间', meaning: '说明',
    differencesAbout: '同一批患者、同样的运气，因此区间不含 0 的变化不是偶然。', directions: { less: '减少', more: '增加', none: '看不出差别' },
    enough: '{n} 位医生就够：九成患者等待在 {target} 分钟以内（少一位就不行）。', notEnough: '即使 {n} 位医生也不够：九成患者等待 {best} 分钟，超过目标 {target} 分钟。', curve: '九成患者的等待与医生数', targetLine: '目标 {n} 分钟',
    rests: '结果的依据', learnt: '学自', learntFrom: '过去 {n} 次就诊', learntNothing: '没有历史，按通常情况', service: '各位医生每人分钟', another_doctor: '再加一位医生按', punctuality: '到达时间',
    late: '平均 {mean} 分钟，标准差 {spread}（负数为早到）', unannounced: '不预约而来', perHour: '每小时 {n} 人', missing: '没有考虑检查、暂停和叫号不到，所以真实的一天会稍长。',
    } },
  },
  {
    manager: { planner: {
    title: 'Planner',
    about: 'Puts the same patients into different plans, day after day, with consultations, no-shows and punctuality as they were learnt here; and tells how waits, overtime and idle time change. No roster is touched.',
    base: 'As it is', from: 'Begin with', kinds: { department: 'a part of a day of a department', session: 'one session', given: 'numbers' },
    given: {
      segments: 'Appointments by segment', doctors: 'Doctors', minutes: 'Minutes of the session', service_minutes: 'Minutes for a patient', service_cv: 'Variation of these (cv)', no_show: 'Stay away (%)',
      late_minutes: 'Minutes late, on average (negative: early)', late_spread_minutes: 'Standard deviation of these', walk_ins: 'Walk-ins an hour', priority: 'With priority an hour', emergencies: 'Emergencies an hour', discipline: 'Order of calls',
    },
    segmentsHint: 'minute:people, such as 0:10 30:10', noSessions: 'no sessions that day', alternatives: 'Alternatives',
    alternativesAbout: 'A line for each. What is left empty is as it is. In a longer session segments are stretched.', name: 'Plan', doctors: 'Doctors', minutes: 'Minutes', segments: 'Segments', asBase: 'as it is',
    of: 'Alternative {n}: {what}', removeOne: 'remove', withDoctors: '{n} doctors', withMinutes: '{n} minutes', another: 'Plan {n}', addDoctors: '+ {n} doctors', addMinutes: '+ {n} minutes', addOther: '+ another',
    staffing: 'The fewest doctors', target: 'Nine of ten wait at most (minutes)', targetHint: 'empty: not looked for', most: 'At most so many', runs: 'Simulated days', runsHint: '20 to 1000: more know better', plan: 'Plan', working: 'Working…',
    wrong: 'Missing, or not written so', range: 'From {from} to {to}', result: 'The plans', sideBySide: 'Side by side, minutes', baseName: 'As it is',
    figures: { seen: 'Patients seen', wait_mean: 'Mean wait', wait_p50: 'Half wait at most', wait_p90: 'Nine of ten wait at most', overtime: 'Mean overtime', overtime_p90: 'Overtime, nine days of ten', idle: 'A doctor idle', utilisation: 'Utilisation' },
    terms: 'Waits count from the appointment, or from coming later than that. Overtime: by how much the last patient leaves after the end of the session.', differences: 'What the alternatives change', figure: 'Figure', change: 'Change', interval: '95 % interval', meaning: 'That is',
    differencesAbout: 'All plans have the same patients and the same luck: a change whose interval does not hold 0 is no accident.', directions: { less: 'less', more: 'more', none: 'no difference to be seen' },
    enough: '{n} doctors are enough: nine of ten wait less than {target} minutes. One less is not.', notEnough: 'Even {n} doctors are not enough: nine of ten wait up to {best} minutes, the target is {target}.', curve: 'The wait of nine of ten, by doctors', targetLine: 'target {n} min',
    rests: 'What this rests on', learnt: 'Learnt from', learntFrom: '{n} visits of the past', learntNothing: 'nothing: as it usually is', service: 'Minutes for a patient, by doctor', another_doctor: 'Another doctor takes', punctuality: 'Coming',
    late: '{mean} minutes on average, standard deviation {spread} (negative: early)', unannounced: 'Unannounced', perHour: '{n} an hour', missing: 'No examinations, pauses or missed calls: a day is somewhat longer in truth.',
    } },
  },
)
