"""What is told of draws and offers, of sessions and orders that take another's place, of missed visits and credit."""

from notify_svc.texts.parts import VISIT_EN, VISIT_ZH, Texts

CHANCES: Texts = {
    # --- draws and the waitlist
    ("order_entered", 1, "zh-CN"): (
        "您已参加抽签",
        (
            "抽签时间：{draw_at}\n您的权重：{weight}（普通抽签中每人均为 1，与报名先后无关）。\n"
            "此时无需付款，抽签后会马上通知您结果。\n抽签记录公开，您可凭报名回执自行核验。"
        ),
    ),
    ("order_entered", 1, "en"): (
        "You take part in the draw",
        (
            "The draw: {draw_at} (Beijing time)\nYour weight: {weight} (1 for everybody in a plain lottery; coming early makes no difference).\n"
            "Nothing is to be paid yet; we tell you the result right after the draw.\n"
            "Its record is public: your receipt lets you check it yourself."
        ),
    ),
    ("order_offered", 1, "zh-CN"): (
        "候补轮到您了，请尽快确认",
        "有人退号，按顺序轮到您。\n" + VISIT_ZH + "就诊序号：{queue_number}\n挂号费：{fee}\n"
        "下一步：请在 {accept_before} 前确认是否接受，逾期将顺延给下一位。\n确认前不产生任何费用。",
    ),
    ("order_offered", 1, "en"): (
        "A number for you: do you take it?",
        "A number was given back, and it is your turn.\n" + VISIT_EN + "Your number: {queue_number}\nFee: {fee}\n"
        "Next: accept it before {accept_before} (Beijing time), or it goes to the next in line.\n"
        "Nothing is charged before you accept.",
    ),
    # --- another visit in its place
    ("substitutes_offered", 1, "zh-CN"): (
        "停诊通知：请选择替代号或退款",
        "很抱歉，医生停诊，以下就诊取消，请勿前往。\n"
        + VISIT_ZH
        + "您可改为以下同科室、同级别的就诊，不另收费：\n1. {substitute_1}\n2. {substitute_2}\n3. {substitute_3}\n"
        "下一步：请在 {accept_before} 前选择。不选择或不接受的，{amount} 将全额原路退回。\n停诊不计入爽约。",
    ),
    ("substitutes_offered", 1, "en"): (
        "Stopped: choose another visit, or your money back",
        "We are sorry: the doctor's session will not take place. Please do not come.\n"
        + VISIT_EN
        + "You may have one of these instead, in the same department and grade, at no extra charge:\n"
        "1. {substitute_1}\n2. {substitute_2}\n3. {substitute_3}\n"
        "Next: choose before {accept_before} (Beijing time). If you do not, {amount} goes back in full, to where it came from.\n"
        "This never counts as a no-show.",
    ),
    ("order_rescheduled", 1, "zh-CN"): (
        "改约成功",
        "您的就诊已改为：\n" + VISIT_ZH + "原号已退回，请勿按原时间前往。\n"
        "已付款项已转入新的预约，多出部分会原路退回。\n下一步：无需操作。",
    ),
    ("order_rescheduled", 1, "en"): (
        "Your appointment has moved",
        "You now have:\n" + VISIT_EN + "Your old number went back: please do not come at the old time.\n"
        "What you paid now pays for the new appointment; what is left over goes back to where it came from.\nNext: nothing to do.",
    ),
    # --- missed visits and credit
    ("visit_missed", 1, "zh-CN"): (
        "爽约登记：您未按时就诊",
        "医院工作人员登记您未到以下就诊：\n" + VISIT_ZH + "依据：订单 {order_id}\n"
        "这意味着：本次记入信用记录，有效期至：{mark_expires}，到期自动失效；"
        "累计达到医院公布的次数会暂停预约一段时间，急诊不受影响。停诊的不计入。\n"
        "如登记有误或事出有因：请在信用记录中提交申诉（每条记录一次），申诉成立即撤销。",
    ),
    ("visit_missed", 1, "en"): (
        "Noted as missed: you did not come",
        "The hospital's staff noted that you did not come to this visit:\n" + VISIT_EN + "Evidence: order {order_id}\n"
        "What it means: it enters your credit record and expires there by itself on {mark_expires} (Beijing time). At the number "
        "of marks that its rules name, a hospital may take no bookings for some time; urgent care is never barred. A session that was "
        "stopped never counts.\n"
        "If it is wrong, or you had good reason: appeal in your credit record, once for each mark; one that does not hold is lifted.",
    ),
    ("credit_recorded", 1, "zh-CN"): (
        "信用记录新增一条",
        (
            "事由：{mark}\n时间：{marked_at}\n依据：订单 {evidence}\n退号时距就诊：{notice}\n有效期至：{expires_at}，到期自动失效。\n"
            "目前有效记录共 {standing} 条。达到医院公布的次数会暂停预约，急诊不受影响。\n如有异议：请在信用记录中提交申诉。"
        ),
    ),
    ("credit_recorded", 1, "en"): (
        "A mark in your credit record",
        (
            "What: {mark}\nWhen: {marked_at} (Beijing time)\nEvidence: order {evidence}\nTime left before the visit: {notice}\n"
            "It expires by itself on {expires_at} (Beijing time).\n"
            "Marks that stand now: {standing}. A hospital may stop your bookings at the number that its rules name; urgent care is never barred.\n"
            "If you disagree: appeal in your credit record."
        ),
    ),
    ("credit_lifted", 1, "zh-CN"): (
        "信用记录已撤销一条",
        "您的一条信用记录已被撤销，不再影响预约。\n目前有效记录共 {standing} 条。\n下一步：无需操作。",
    ),
    ("credit_lifted", 1, "en"): (
        "A mark in your credit record was lifted",
        "One of your marks was lifted and no longer counts.\nMarks that stand now: {standing}.\nNext: nothing to do.",
    ),
    ("credit_upheld", 1, "zh-CN"): (
        "申诉未成立，信用记录保留",
        (
            "您的申诉已审核，未予支持。\n保留的记录：{mark}\n时间：{marked_at}\n依据：订单 {evidence}\n退号时距就诊：{notice}\n有效期至：{expires_at}，到期自动失效。\n"
            "目前有效记录共 {standing} 条。\n审核理由见信用记录。每条记录只能申诉一次，此为最终结果。"
        ),
    ),
    ("credit_upheld", 1, "en"): (
        "Your appeal was heard: the mark stays",
        (
            "Your appeal was heard and turned down.\nThe mark that stays: {mark}\nWhen: {marked_at} (Beijing time)\nEvidence: order {evidence}\n"
            "Time left before the visit: {notice}\nIt expires by itself on {expires_at} (Beijing time).\n"
            "Marks that stand now: {standing}.\nThe reason is in your credit record. A mark can be appealed once: this is final."
        ),
    ),
}
