/** Words of the registrar's pages. */

import { both } from '@/i18n'

export const pages = both(
  {
    registrar: {
    nav: '排班页面',
    department: '科室', doctor: '医生', period: '时段', state: '状态', date: '日期', room: '诊室', fee: '挂号费（元）', grade: '号别',
    policy: '放号方式', release: '放号时间', draw: '抽签时间', cancelBefore: '退号截止', code: '出诊代码', all: '全部', choose: '请选择',
    unsaid: '未填写',
    roster: {
      title: '排班表', heading: '{hospital}排班表', filters: '筛选', from: '从', span: '显示', oneWeek: '一周', twoWeeks: '两周',
      before: '往前', thisWeek: '本周', after: '往后', everybody: '显示没有排班的医生', grid: '排班表（可左右滚动）',
      sums: '{sessions} 次出诊，余号 {remaining} / {capacity}，停诊 {stopped} 次', left: '余 {left}/{of}', add: '为{doctor}在{day}新增出诊',
      none: '这段时间没有符合条件的出诊。', more: '只显示了前 {n} 次出诊，请缩小范围。',
    },
    drafts: { title: '未发布的草稿', about: '本院的排班人员都能看到，患者看不到。' },
    publish: {
      title: '新增出诊', what: '谁在哪里出诊', when: '怎么放号', gradeHint: '不填则为医生职称', cancelHint: '不填则按医院规则',
      codeHint: '不填则按“医生编号-日期-时段”生成', urgent: '急诊（爽约限制不适用）', publish: '发布', draft: '存为草稿',
      about: '发布后患者即可看到；草稿不对外显示。', elsewhere: '出诊科室：{name}', noDraft: '找不到这份草稿，可能已经发布。下面可以新增一次出诊。', changed: '您打开之后，有人改过或发布了这份草稿。请从排班表重新打开：', faults: '有 {n} 处需要修改。', saved: '草稿已保存（{code}），患者还看不到。',
    },
    segments: {
      title: '就诊时段', from: '从', to: '到', minutes: '每段分钟', each: '每段号数', make: '按此生成', caption: '{n} 段，共 {total} 个号',
      starts: '开始', ends: '结束', capacity: '号数', blocked: '保留', referral: '转诊', window: '窗口', follow_up: '复诊', of: '第 {n} 段：{what}',
      remove: '删除', removeOne: '删除第 {n} 段', more: '增加一段',
    },
    faults: {
      missing: '必填', money: '请填写金额，例如 50 或 12.50', noSegments: '至少要有一段', endsBefore: '结束必须晚于开始', overlap: '与上一段重叠',
      number: '号数必须是整数，且号数至少为 1', above: '保留与渠道号数之和多于号数',
    },
    upload: {
      title: '导入排班', file: '选择文件', drop: '把排班文件拖到这里，或者', pick: '选择排班文件',
      about: 'JSON（docs/rosters.md 的格式），或写明日期的 CSV（tools/haoyuan-roster 的列，UTF-8 或 GB18030）。选好后先核对，再发送。',
      found: '文件“{name}”', counts: '科室 {departments} 个，医生 {doctors} 位，出诊 {sessions} 次', event: '这是单个事件，不含排班行。',
      noRows: '文件里没有可以收下的科室、医生或出诊。', reading: '正在读取“{name}”…', first: '这里只列出前 {n} 行。', firstRows: '这里只列出前 {n} 行，其余的在“下载结果”的文件里。',
      faults: '有 {n} 行读不懂，不会发送：', snapshot: '这是快照：{from} 至 {to} 之间没有列出的出诊会被停诊。', sure: '我确认其余出诊应当停诊',
      to: '将发送给{hospital}。', half: '{of} 部分中的 {done} 部分已有答复；再按一次发送其余部分。',
      send: '发送', sending: '正在发送 {done} / {of}', outcome: '导入结果', rows: '逐行结果', where: '位置', what: '说明', detail: '详情',
      line: '第 {n} 行', open: '查看出诊', left: '还有 {n} 行没有列出，见导入记录。', clean: '每一行都没有问题。', download: '下载结果',
      past: '导入记录', nothing: '还没有导入过。', received: '收到时间', type: '类型', result: '结果',
    },
    input: { title: '导入详情' },
    counts: { applied: '已生效', unchanged: '无变化', kept: '先保留', rejected: '未收下', about: '“先保留”是“未收下”中缺少医生或科室的行，补上后自动生效。' },
    status: { applied: '全部收下', partial: '部分收下', rejected: '没有收下' },
    statuses: { applied: '全部收下', partial: '部分收下', rejected: '没有收下' },
    severity: { title: '级别', error: '错误', warning: '提醒' },
    types: { roster_published: '排班', session_stopped: '停诊', session_resumed: '恢复出诊', slots_added: '加号', staff_upserted: '医生与科室' },
    session: {
      title: '出诊详情', heading: '{doctor} · {day} {period}', facts: '出诊信息', time: '时间', fee: '挂号费', version: '版本 {n}', left: '余号',
      remaining: '余号', taken: '已占用', takenOf: '{time} 时段已占用 {n} / {of}', takenHint: '已占用包括已预约、保留和留给渠道的号。', stopReason: '停诊原因：{reason}',
      elsewhere: '这是{hospital}的出诊，只能查看。',
    },
    extra: {
      title: '加号', slot: '时段', count: '增加几个号', patient: '患者编号（可不填）', patientHint: '填写后只有这位患者能取', add: '加号',
      done: '已在 {time} 时段加 {n} 个号，现共 {capacity} 个。',
    },
    vouchers: {
      title: '凭证', list: '凭证列表', channel: '渠道', window: '窗口', referral: '转诊', urgency: '紧急程度', routine: '一般', soon: '尽快', urgent: '紧急',
      patientHint: '填写后只有这位患者能用', issue: '开具凭证', issued: '凭证码（请交给患者）：', none: '还没有凭证。', code: '凭证码', expires: '有效至',
      free: '未使用', used: '已使用', expired: '已过期',
    },
    stop: {
      title: '停诊', board: '停诊进度', about: '停诊会取消这次出诊的全部预约、全额退款并通知患者。操作前先看影响。', preview: '停诊：先看影响',
      impact: '将取消 {n} 个预约，退还 {amount}。', noImpact: '目前没有人预约，不会影响患者。', states: '预约按状态', orders: '预约数', amount: '应退',
      substitutes: '可以提供给患者的替代出诊', noSubstitutes: '两周内没有同科室、同号别的替代出诊，患者只能退款。', reason: '停诊原因', reasonHint: '患者会看到',
      confirm: '请输入医生姓名“{doctor}”确认', do: '确认停诊', settled: '已全部处理完：没有未结的预约，也没有未退的款。',
      settling: '正在处理：还有 {n} 个预约，{amount} 待退还。', hearing: '已停诊，正在通知预约系统。', progress: '处理进度', ordersLeft: '未结预约', amountLeft: '待退金额',
      asOf: '{time} 的情况，自动更新', resume: '恢复出诊', resumeAbout: '恢复出诊不会恢复已取消的预约；全部处理完后重新放号。', over: '出诊已结束，不能停诊。',
      reasons: { ill: '医生生病', rescue: '医生参加急救', meeting: '医生临时有公务', equipment: '设备故障' },
    },
    counter: {
      title: '窗口查单', order: '预约编号', hint: '以 ord_ 开头；也可以粘贴患者预约页面的网址', look: '查询', found: '预约', number: '号序', paid: '已付', refunded: '已退', placed: '提交时间',
      checkIn: '报到', isHere: '已报到，叫号 {ticket}。', missed: '记为爽约', missedAbout: '记为爽约后，号和费用归医院，患者信用会留下一条记录。请确认患者确实没有来。', missedSure: '确认没有来', isMissed: '已记为爽约。',
    },
    appeals: {
      title: '信用申诉', none: '没有等待处理的申诉。', decided: '已处理 {n} 条。', of: '{day} 的{kind}申诉', no_show: '爽约', late_cancel: '临时退号', noted: '记录时间',
      expires: '有效至', order: '预约编号', notice: '提前', hours: '{n} 小时', session: '出诊', says: '患者申诉：', verdict: '处理', lifted: '撤销这条记录',
      upheld: '维持这条记录', why: '理由', whyHint: '患者会看到', decide: '提交处理结果',
    },
    },
  },
  {
    registrar: {
    nav: 'Roster pages',
    department: 'Department', doctor: 'Doctor', period: 'Part of the day', state: 'State', date: 'Date', room: 'Room', fee: 'Fee (yuan)', grade: 'Grade',
    policy: 'How numbers are given', release: 'Released at', draw: 'Drawn at', cancelBefore: 'Cancelled until', code: 'Code', all: 'All', choose: 'Choose',
    unsaid: 'not said',
    roster: {
      title: 'Roster', heading: 'Roster of {hospital}', filters: 'Filters', from: 'From', span: 'Show', oneWeek: 'One week', twoWeeks: 'Two weeks',
      before: 'Earlier', thisWeek: 'This week', after: 'Later', everybody: 'Doctors without sessions, too', grid: 'The roster (scrolls sideways)',
      sums: '{sessions} sessions, {remaining} of {capacity} numbers left, {stopped} cancelled', left: '{left}/{of} left', add: 'Add a session of {doctor} on {day}',
      none: 'No session in these days fits.', more: 'Only the first {n} sessions are shown: choose fewer days.',
    },
    drafts: { title: 'Drafts', about: 'The registrars of the hospital see them, patients do not.' },
    publish: {
      title: 'New session', what: 'Who sees patients where', when: 'How numbers are given', gradeHint: "The doctor's title unless you say otherwise", cancelHint: "By the hospital's rules unless you say otherwise",
      codeHint: 'doctor-date-period unless you say otherwise', urgent: 'Urgent (blocks for missed visits do not count)', publish: 'Publish', draft: 'Save as a draft',
      about: 'Patients see what is published at once; drafts are not shown.', elsewhere: 'In the department {name}', noDraft: 'This draft is there no more; it may be public now. Below you may begin another session.', changed: 'Somebody has changed or published this draft since you opened it. Open it again from the roster:', faults: '{n} things are to be mended.', saved: 'The draft is saved ({code}). Patients do not see it yet.',
    },
    segments: {
      title: 'Segments', from: 'From', to: 'To', minutes: 'Minutes each', each: 'Numbers each', make: 'Make them', caption: '{n} segments, {total} numbers',
      starts: 'Starts', ends: 'Ends', capacity: 'Numbers', blocked: 'Withheld', referral: 'Referral', window: 'Window', follow_up: 'Follow-up', of: 'Segment {n}: {what}',
      remove: 'Remove', removeOne: 'Remove segment {n}', more: 'One more segment',
    },
    faults: {
      missing: 'Needed', money: 'An amount such as 50 or 12.50', noSegments: 'At least one segment is needed', endsBefore: 'It must end after it starts', overlap: 'It overlaps with the one before',
      number: 'Whole numbers, and at least one number', above: 'More is withheld and set aside than there is',
    },
    upload: {
      title: 'Upload', file: 'A file', drop: 'Drop a roster here, or', pick: 'Choose a roster',
      about: 'JSON as in docs/rosters.md, or a CSV of sessions with their dates (the columns of tools/haoyuan-roster; UTF-8 or GB18030). You see what it holds before it is sent.',
      found: 'The file “{name}”', counts: '{departments} departments, {doctors} doctors, {sessions} sessions', event: 'This is a single event, without rows of a roster.',
      noRows: 'The file has no department, doctor or session that could be taken in.', reading: 'Reading “{name}”…', first: 'Only the first {n} are shown here.', firstRows: 'Only the first {n} are shown here: the download has all.',
      faults: '{n} lines cannot be read, and are not sent:', snapshot: 'This is a snapshot: sessions from {from} to {to} that it does not name will be cancelled.', sure: 'Yes, the others do not take place',
      to: 'This goes to {hospital}.', half: '{done} of {of} parts were answered; pressing again sends the rest.',
      send: 'Send', sending: 'Sending {done} of {of}', outcome: 'The result', rows: 'Row by row', where: 'Where', what: 'What', detail: 'Details',
      line: 'Line {n}', open: 'See the session', left: '{n} more rows are not shown here; the log has them.', clean: 'Nothing is wrong with any row.', download: 'Download the result',
      past: 'Past inputs', nothing: 'Nothing was sent yet.', received: 'Received', type: 'Type', result: 'Result',
    },
    input: { title: 'An input' },
    counts: { applied: 'applied', unchanged: 'unchanged', kept: 'kept', rejected: 'rejected', about: 'Kept are those of the rejected whose doctor or department is missing: they take effect when it comes.' },
    status: { applied: 'Everything was taken in', partial: 'Some of it was taken in', rejected: 'Nothing was taken in' },
    statuses: { applied: 'taken in', partial: 'in part', rejected: 'rejected' },
    severity: { title: 'Severity', error: 'Error', warning: 'Warning' },
    types: { roster_published: 'Roster', session_stopped: 'Cancellation', session_resumed: 'Resumption', slots_added: 'Extra numbers', staff_upserted: 'Doctors, departments' },
    session: {
      title: 'A session', heading: '{doctor} · {day}, {period}', facts: 'The session', time: 'Time', fee: 'Fee', version: 'version {n}', left: 'Numbers left',
      remaining: 'Left', taken: 'Taken', takenOf: '{time}: {n} of {of} taken', takenHint: 'Taken: booked, withheld or set aside.', stopReason: 'Why it is cancelled: {reason}',
      elsewhere: 'This is a session of {hospital}: you can look at it, and no more.',
    },
    extra: {
      title: 'Extra numbers', slot: 'Segment', count: 'How many', patient: "Patient's id (optional)", patientHint: 'Then nobody else can have them', add: 'Add',
      done: 'Added {n} at {time}: now {capacity} numbers.',
    },
    vouchers: {
      title: 'Vouchers', list: 'Vouchers', channel: 'Channel', window: 'Window', referral: 'Referral', urgency: 'Urgency', routine: 'routine', soon: 'soon', urgent: 'urgent',
      patientHint: 'Then nobody else can use it', issue: 'Issue a voucher', issued: 'The code, to be given to the patient:', none: 'No vouchers yet.', code: 'Code', expires: 'Good until',
      free: 'free', used: 'used', expired: 'expired',
    },
    stop: {
      title: 'Cancel the session', board: 'Settling', about: 'Cancelling ends every order of the session, gives everything paid back, and tells the patients. See what it would do first.', preview: 'Cancel: see the impact',
      impact: '{n} orders would end, and {amount} go back.', noImpact: 'Nobody has booked: no patient is affected.', states: 'Orders by state', orders: 'Orders', amount: 'To be given back',
      substitutes: 'Sessions that can be offered instead', noSubstitutes: 'No session of this department and grade within two weeks: patients can only be refunded.', reason: 'Why', reasonHint: 'Patients see this',
      confirm: "Type the doctor's name, {doctor}", do: 'Cancel the session', settled: 'All is settled: no order is open, and nothing is left to give back.',
      settling: 'Being settled: {n} orders, {amount} to be given back.', hearing: 'The session is cancelled; the orders hear of it now.', progress: 'How much is settled', ordersLeft: 'Orders left', amountLeft: 'Money left',
      asOf: 'As of {time}, updated by itself', resume: 'Let it take place after all', resumeAbout: 'Ended orders stay ended. Once all is settled, numbers are to be had again.', over: 'The session is over: it cannot be cancelled.',
      reasons: { ill: 'The doctor is ill', rescue: 'The doctor is needed in an emergency', meeting: 'The doctor is called away', equipment: 'Equipment failed' },
    },
    counter: {
      title: 'Counter', order: 'Order', hint: 'begins with ord_; or the address of her page of the order', look: 'Look up', found: 'The order', number: 'Number', paid: 'Paid', refunded: 'Given back', placed: 'Placed',
      checkIn: 'Check in', isHere: 'She is here, ticket {ticket}.', missed: 'She did not come', missedAbout: 'The number and its fee then stay with the hospital, and her credit is marked. Make sure that she is not here.', missedSure: 'She did not come', isMissed: 'Noted as missed.',
    },
    appeals: {
      title: 'Appeals', none: 'No appeal waits.', decided: '{n} decided.', of: 'Appeal, {kind}, {day}', no_show: 'Missed visit', late_cancel: 'Late cancellation', noted: 'Noted',
      expires: 'Counts until', order: 'Order', notice: 'Notice', hours: '{n} hours', session: 'Session', says: 'She says:', verdict: 'Verdict', lifted: 'Lift the mark',
      upheld: 'Let it stand', why: 'Why', whyHint: 'The patient sees this', decide: 'Decide',
    },
    },
  },
)
