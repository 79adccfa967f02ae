import { both } from '@/i18n'

export const pages = both(
  {
    manager: {
    nav: '管理页面', day: '日期', department: '科室', period: '时段', session: '出诊', all: '全部', and: '；', also: '和', yes: '是', no: '否', remove: '移除', asTable: '以表格查看', minutesUnit: '分钟',
    disciplines: { priority: '按优先级和时段', fifo: '先报到先叫' },
    roles: { doctor: '医生', registrar: '排班员', cashier: '收费员', hospital_admin: '医院管理员', board: '候诊大屏', operator: '平台运维' },
    load: {
      title: '运行概览', heading: '当天运行概览', sessions: '各次出诊', none: '这一天没有出诊。', nobody: '这一天还没有人报到，所以没有可以观察的数据。',
      columns: { desks: '诊台', arrived: '到诊', called: '已叫', waiting: '在等', rate: '每小时到', utilisation: '利用率', L: '在场 L', Lq: '排队 Lq', W: '停留 W（分）', Wq: '等待 Wq（分）', p90: '九成等待（分）' },
      terms: 'L、Lq 是平均同时在场、排队的人数；W、Wq 是从报到算起的平均停留、等待时间，正在等的人也计算在内。“–”表示没有测到，不是 0。',
      chart: '平均等待：实测与模型', chartAbout: '模型说的是长期平均，不知道谁在场、谁将到；没有画出的是模型拒绝回答的。', models: '模型、前提与拒绝的原因', modelsAbout: '每个模型都写明前提；前提不成立时，它的数字只供对照。',
      model: '来源', observed: '实测', measured: '当天实际发生的', assumes: '前提', refused: '不作答：{why}',
    },
    waits: {
      title: '候诊承诺', about: '报到时告诉患者一个等待区间，目标是五次有四次兑现。这里是各科室最近一千次承诺里实际兑现的比例。', chart: '兑现的比例', table: '各科室', share: '兑现比例', meant: '目标', meantLine: '目标 {share}',
      count: '承诺次数', left: '提前离开', since: '起始', verdict: '判断', terms: '没有按时叫到的都算没有兑现，不管后来是否还在等。“提前离开”的人说明不了什么，不计入。± 是 95% 误差。',
      verdicts: { none: '还没有承诺过', few: '次数还少，仅供参考', low: '兑现偏少', good: '与目标相符', wide: '区间偏宽' },
    },
    backTest: {
      title: '方案回测', about: '如果当时就做规划，会怎么说？只用每次出诊之前已知的数据，与实际发生的对照。', from: '从', to: '到', days: '最多 31 天', do: '回测', none: '这段时间没有可以回测的出诊。', errors: '误差',
      chart: '九成患者的等待：预测与实际', band: '八成日子应在此区间', said: '预测', happened: '实际', inBand: '在区间内', seen: '看诊人数', sessions: '出诊次数', bias: '偏差', absolute: '平均绝对误差', within: '在区间内的比例',
      figures: { wait_p90: '九成等待（分钟）', overtime: '加班（分钟）', seen: '看诊人数' }, terms: '偏差为正表示预测偏高。', known: '当天的{what}按已知处理，因此检验的是模型，而不是谁会来上班。', knowns: { bookings: '预约', desks: '开诊的诊台' }, more: '还有更早的出诊没有列出（最多 60 次）。',
    },
    staff: {
      title: '本院账号', list: '本院账号', none: '还没有账号。', name: '用户名', roles: '角色', doctor: '对应医生', actions: '操作', change: '修改', changeOne: '修改 {name}', removeOne: '移除 {name}', add: '添加账号',
      form: '账号与角色', about: '本人先自行注册，再在这里授予角色；下次登录（最多一刻钟）生效，本人会收到通知。候诊大屏是新账号，在这里设密码。', choose: '请选择医生', password: '大屏密码', passwordHint: '用于在大屏上登录',
      sure: '移除 {name} 在本院的全部角色？', saved: '{name} 的角色已保存。', removed: '{name} 已移除，最迟一刻钟后失效。', missing: '必填', noRole: '至少选一个角色', boardAlone: '大屏账号不能再有其他角色',
    },
    rules: {
      title: '预约规则', now: '现行规则', since: '第 {version} 版，自 {from} 起', platform: '平台默认规则', upcoming: '将来的版本', from: '第 {version} 版，自 {from} 起生效', noUpcoming: '没有待生效的版本。', changed: '有变化',
      write: '发布新版本', writeAbout: '版本一经发布不能修改；同一生效时间的新版本会取代它。已作出的预约仍按当时的规则。', by: '怎样填写', ways: { form: '常用项目', json: '全部规则（JSON）' }, limits: '每位就诊人的预约次数',
      mostOf: '最多', counted: '计算', within: '在同一', per: '每', limitOf: '第 {n} 条：{what}', addLimit: '增加一条',
      choices: { session: '出诊', doctor: '医生', department: '科室', hospital: '医院', period: '时段', day: '天', week: '周', month: '月', quarter: '季度', orders: '号', departments: '科室' },
      hold: '支付时限（分钟）', cancelBy: '退号截止', units: { hours: '开诊前若干小时', days: '就诊前若干日', workdays: '就诊前若干工作日' }, cancelCount: '数量', cancelAt: '当日几点',
      waitlistDays: '候补截止：就诊前几日', waitlistAt: '候补截止：几点', discipline: '叫号规则', early_minutes: '提前多少分钟可报到', grace_minutes: '迟到宽限（分钟）', late_minutes: '迟到多少分钟作废', close_minutes: '结束后多少分钟认定爽约',
      jsonHint: '字段见 docs/rules.md；没有写的按平台默认', notJson: '不是有效的 JSON 对象', effective: '生效时间', effectiveHint: '不填则立即生效', publish: '发布', published: '第 {version} 版已发布，{from} 生效。',
    },
    },
  },
  {
    manager: {
    nav: 'Management pages', day: 'Day', department: 'Department', period: 'Part of the day', session: 'Session', all: 'All', and: '; ', also: ' and ', yes: 'yes', no: 'no', remove: 'Remove', asTable: 'As a table', minutesUnit: 'min',
    disciplines: { priority: 'by priority and segment', fifo: 'who checks in first' },
    roles: { doctor: 'Doctor', registrar: 'Registrar', cashier: 'Cashier', hospital_admin: 'Administrator', board: 'Screen', operator: 'Operator' },
    load: {
      title: 'Overview', heading: 'How the day goes', sessions: 'Sessions', none: 'No session that day.', nobody: 'Nobody has checked in that day: there is nothing to observe.',
      columns: { desks: 'Desks', arrived: 'Arrived', called: 'Called', waiting: 'Waiting', rate: 'Per hour', utilisation: 'Utilisation', L: 'There, L', Lq: 'In line, Lq', W: 'Stay, W (min)', Wq: 'Wait, Wq (min)', p90: 'P90 (min)' },
      terms: 'L and Lq: how many people were there and in line, on average. W and Wq: how long they stayed and waited, from checking in; those who still wait count. A dash was not measured, and is no 0.',
      chart: 'Mean waits: observed, and by the models', chartAbout: 'Models tell of the long run, and know neither who is here nor who is due. What is not drawn, a model refused to say.', models: 'Models, what they assume, why they refuse', modelsAbout: 'Each model says what it assumes. Where that is not so, its figures are for comparison only.',
      model: 'From', observed: 'Observed', measured: 'what happened that day', assumes: 'It assumes', refused: 'Says nothing: {why}',
    },
    waits: {
      title: 'Promised waits', about: 'At check-in each patient is told an interval, which is meant to hold four times of five. This is how often the latest thousand of each department did.', chart: 'Shares that held', table: 'Departments', share: 'Held', meant: 'Meant', meantLine: 'meant {share}',
      count: 'Promises', left: 'Left before', since: 'Since', verdict: 'That is', terms: 'Who was not called in time counts as broken, whether she still waits or not. Who left before says nothing, and does not count. ±: 95 %.',
      verdicts: { none: 'none yet', few: 'too few to tell', low: 'too seldom', good: 'as meant', wide: 'wider than needed' },
    },
    backTest: {
      title: 'Back-test', about: 'What the planner would have said, by what was known before each session, beside what happened.', from: 'From', to: 'To', days: '31 days at most', do: 'Test', none: 'No sessions to be tested in these days.', errors: 'Errors',
      chart: 'The wait of nine of ten: said and happened', band: 'here on four days of five', said: 'said', happened: 'happened', inBand: 'Within', seen: 'Seen', sessions: 'Sessions', bias: 'Bias', absolute: 'Mean absolute error', within: 'Within the band',
      figures: { wait_p90: 'P90 of waits (min)', overtime: 'Overtime (min)', seen: 'Patients seen' }, terms: 'A positive bias: too much was said.', known: 'Of the day itself {what} are taken as known: this tests the model, not who was planned to be there.', knowns: { bookings: 'bookings', desks: 'desks' }, more: 'There are earlier ones, which are not shown (60 at most).',
    },
    staff: {
      title: 'Accounts', list: 'Accounts of the hospital', none: 'No accounts yet.', name: 'User name', roles: 'Roles', doctor: 'Doctor', actions: 'Actions', change: 'Change', changeOne: 'Change {name}', removeOne: 'Remove {name}', add: 'Add an account',
      form: 'Account and roles', about: 'People register themselves, and get their roles here; they count from the next login (a quarter of an hour at most), and the person is told. A screen on a wall is a new account, with a password given here.', choose: 'Choose a doctor', password: "The screen's password", passwordHint: 'to log in on the screen',
      sure: 'Take all roles of {name} here away?', saved: 'The roles of {name} are saved.', removed: '{name} is removed; what she may do ends within a quarter of an hour.', missing: 'Needed', noRole: 'Choose one at least', boardAlone: 'A screen is nothing else',
    },
    rules: {
      title: 'Rules', now: 'In force', since: 'version {version}, since {from}', platform: "the platform's own rules", upcoming: 'To come', from: 'Version {version}, from {from}', noUpcoming: 'No version is to come.', changed: 'changed',
      write: 'Publish a new version', writeAbout: 'A version never changes; another one for the same moment takes its place. What was booked keeps the rules that it was booked by.', by: 'By', ways: { form: 'the usual fields', json: 'all rules, as JSON' }, limits: 'How many numbers one patient may have',
      mostOf: 'At most', counted: 'Counting', within: 'of one', per: 'per', limitOf: 'Limit {n}: {what}', addLimit: 'One more',
      choices: { session: 'session', doctor: 'doctor', department: 'department', hospital: 'hospital', period: 'part of the day', day: 'day', week: 'week', month: 'month', quarter: 'quarter', orders: 'numbers', departments: 'departments' },
      hold: 'Minutes to pay', cancelBy: 'Cancelled until', units: { hours: 'hours before the session', days: 'days before the visit', workdays: 'workdays before the visit' }, cancelCount: 'How many', cancelAt: 'At',
      waitlistDays: 'Waitlist closes: days before', waitlistAt: 'Waitlist closes: at', discipline: 'Order of calls', early_minutes: 'Check-in opens so many minutes before', grace_minutes: 'Late after (minutes)', late_minutes: 'Void after (minutes)', close_minutes: 'Missed so many minutes after the end',
      jsonHint: "docs/rules.md has the fields; what is left out is as the platform's own", notJson: 'No JSON object', effective: 'In force from', effectiveHint: 'empty: at once', publish: 'Publish', published: 'Version {version} is published, in force from {from}.',
    },
    },
  },
)
