"""What is told of an account and of an order's way, from its placing to its end."""

from notify_svc.texts.parts import VISIT_EN, VISIT_ZH, Texts

ORDERS: Texts = {
    ("user_registered", 1, "zh-CN"): (
        "欢迎使用号源",
        "{username}，您好，您的账号已开通。\n下一步：请先添加就诊人（每个账号最多 4 位），即可预约挂号。",
    ),
    ("user_registered", 1, "en"): (
        "Welcome to Haoyuan",
        "Hello {username}, your account is ready.\nNext: add the people you book for (at most 4), then choose a doctor.",
    ),
    ("user_registered", 2, "zh-CN"): (
        "欢迎使用号源",
        "您的账号已开通。\n下一步：请先添加就诊人（每个账号最多 4 位），即可预约挂号。",
    ),
    ("user_registered", 2, "en"): (
        "Welcome to Haoyuan",
        "Your account is ready.\nNext: add the people you book for (at most 4), then choose a doctor.",
    ),
    ("order_placed", 1, "zh-CN"): (
        "已收到您的挂号申请",
        "正在为您取号，结果会马上通知您。\n此时无需付款。",
    ),
    ("order_placed", 1, "en"): (
        "We have your order",
        "We are getting you a number and will tell you at once.\nNothing is to be paid yet.",
    ),
    ("order_held", 1, "zh-CN"): (
        "号已为您保留，请尽快支付",
        VISIT_ZH + "就诊序号：{queue_number}\n挂号费：{fee}\n下一步：请在 {pay_before} 前支付，逾期号将自动释放。",
    ),
    ("order_held", 1, "en"): (
        "A number is held for you: please pay",
        VISIT_EN
        + "Your number: {queue_number}\nFee: {fee}\nNext: pay before {pay_before} (Beijing time), or the number goes back.",
    ),
    ("order_held", 2, "zh-CN"): (
        "号已为您保留，请尽快支付",
        VISIT_ZH + "就诊序号：{queue_number}\n挂号费：{fee}\n现在需支付：{due}，其余由原预约已付的费用抵付。\n"
        "下一步：请在 {pay_before} 前支付，逾期号将自动释放。",
    ),
    ("order_held", 2, "en"): (
        "A number is held for you: please pay",
        VISIT_EN
        + "Your number: {queue_number}\nFee: {fee}\nTo pay now: {due}; the rest is what you paid for the appointment that it replaces.\n"
        "Next: pay before {pay_before} (Beijing time), or the number goes back.",
    ),
    ("order_waitlisted", 1, "zh-CN"): (
        "号已挂满，您已进入候补",
        "您目前候补第 {position} 位。\n一旦有人退号，会按顺序为您保留并通知您。\n此时无需付款。",
    ),
    ("order_waitlisted", 1, "en"): (
        "Fully booked: you are on the waitlist",
        (
            "You are number {position} on the waitlist.\nWhen a number is given back and it is your turn, we hold it for you and tell you.\n"
            "Nothing is to be paid yet."
        ),
    ),
    ("order_rejected", 1, "zh-CN"): (
        "挂号未成功",
        "原因：{reason}。\n没有产生任何费用。\n下一步：可选择其他时段或其他医生。",
    ),
    ("order_rejected", 1, "en"): (
        "No number for this order",
        "Reason: {reason}.\nNothing was charged.\nNext: try another time or another doctor.",
    ),
    ("order_rejected", 2, "zh-CN"): (
        "挂号未成功",
        "原因：{reason}。\n所依据的医院规则：{rule}\n{until}\n没有产生任何费用。\n下一步：{next}。",
    ),
    ("order_rejected", 2, "en"): (
        "No number for this order",
        "Reason: {reason}.\nThe hospital's rule: {rule}\n{until}\nNothing was charged.\nNext: {next}.",
    ),
    ("order_confirmed", 1, "zh-CN"): (
        "挂号成功",
        VISIT_ZH
        + "就诊序号：{queue_number}\n挂号费：{fee}\n下一步：请于 {date} {arrive} 前到院报到，并携带就诊人的有效证件。",
    ),
    ("order_confirmed", 1, "en"): (
        "Your appointment is confirmed",
        VISIT_EN
        + "Your number: {queue_number}\nFee: {fee}\nNext: check in at the hospital by {arrive} on {date} (Beijing time), "
        "with the patient's ID document.",
    ),
    ("order_expired", 1, "zh-CN"): (
        "超时未支付，号已释放",
        VISIT_ZH + "没有产生任何费用。\n下一步：如仍需就诊，请重新挂号。",
    ),
    ("order_expired", 1, "en"): (
        "Not paid in time: the number went back",
        VISIT_EN + "Nothing was charged.\nNext: book again if you still need to see the doctor.",
    ),
    ("order_withdrawn", 1, "zh-CN"): (
        "号已退回",
        VISIT_ZH + "此预约已取消，号已退回，请勿前往就诊。\n"
        "待退款：{amount}，原路退回；在窗口付款的，请凭就诊人证件到收费窗口领取。\n退款完成后会另行通知您。",
    ),
    ("order_withdrawn", 1, "en"): (
        "Your number went back",
        VISIT_EN + "This appointment no longer stands: please do not come for it.\n"
        "To be refunded: {amount}, to where it came from; if you paid at the counter, collect it there with the patient's document.\n"
        "We tell you when that is done.",
    ),
    ("order_withdrawn", 2, "zh-CN"): (
        "号已退回",
        VISIT_ZH + "此预约已取消，号已退回，请勿前往就诊。\n"
        "待退款：{amount}，原路退回；在窗口付款的，请凭就诊人证件到收费窗口领取。\n退款完成后会另行通知您。\n{credit}",
    ),
    ("order_withdrawn", 2, "en"): (
        "Your number went back",
        VISIT_EN + "This appointment no longer stands: please do not come for it.\n"
        "To be refunded: {amount}, to where it came from; if you paid at the counter, collect it there with the patient's document.\n"
        "We tell you when that is done.\n{credit}",
    ),
    ("replacement_ended", 1, "zh-CN"): (
        "改约未完成，号已退回",
        "您要改约的原预约已经结束，因此不再改约到以下就诊，号已退回，请勿前往就诊，也无需支付差额。\n"
        + VISIT_ZH
        + "待退款：{amount}，原路退回；在窗口付款的，请凭就诊人证件到收费窗口领取。\n"
        "原预约的费用如需退回，会另行通知您。\n下一步：如仍需就诊，请重新挂号。",
    ),
    ("replacement_ended", 1, "en"): (
        "Your move has ended: the new number went back",
        "The appointment that you were moving has ended, so this one does not take its place: there is no difference to pay, and please "
        "do not come for it.\n"
        + VISIT_EN
        + "To be refunded: {amount}, to where it came from; if you paid at the counter, collect it there with the patient's document.\n"
        "If money of the former appointment goes back, we tell you.\nNext: book again if you still need to see the doctor.",
    ),
    ("visit_stopped", 1, "zh-CN"): (
        "停诊通知：请勿前往",
        "很抱歉，医生停诊，以下就诊取消，请勿前往。\n"
        + VISIT_ZH
        + "待退款：{amount}，全额原路退回；在窗口付款的，请凭就诊人证件到收费窗口领取。\n"
        "本次取消不计入爽约。处理完成后会另行通知您。",
    ),
    ("visit_stopped", 1, "en"): (
        "Stopped: please do not come",
        "We are sorry: the doctor's session will not take place. Please do not come.\n"
        + VISIT_EN
        + "To be refunded in full: {amount}, to where it came from; if you paid at the counter, collect it there with the "
        "patient's document.\nThis never counts as a no-show. We tell you when all is settled.",
    ),
    ("order_cancelled", 1, "zh-CN"): (
        "退号成功",
        VISIT_ZH + "已退款：{refunded}，原路退回，到账时间以支付渠道为准。\n此预约已取消，请勿前往就诊。",
    ),
    ("order_cancelled", 1, "en"): (
        "Your order is cancelled",
        VISIT_EN + "Refunded: {refunded}, to where it came from; when it arrives depends on the payment provider.\n"
        "This appointment no longer stands: please do not come for it.",
    ),
    ("session_stopped", 1, "zh-CN"): (
        "停诊通知",
        "很抱歉，医生停诊，您的预约已取消。\n" + VISIT_ZH + "已全额退款：{refunded}，原路退回。\n"
        "本次取消不计入爽约。\n下一步：可改约其他日期或同级别医生。",
    ),
    ("session_stopped", 1, "en"): (
        "The doctor's session was stopped",
        "We are sorry: the session will not take place, and your order is cancelled.\n"
        + VISIT_EN
        + "Refunded in full: {refunded}, to where it came from.\nThis never counts as a no-show.\n"
        "Next: choose another date, or another doctor of the same grade.",
    ),
    ("session_stopped", 2, "zh-CN"): (
        "停诊通知",
        "很抱歉，医生停诊，您的预约已取消。\n" + VISIT_ZH + "已全额退款：{refunded}，原路退回。\n"
        "本次取消不计入爽约。\n下一步：可重新挂号，选择其他日期或同级别医生。",
    ),
    ("session_stopped", 2, "en"): (
        "The doctor's session was stopped",
        "We are sorry: the session will not take place, and your order is cancelled.\n"
        + VISIT_EN
        + "Refunded in full: {refunded}, to where it came from.\nThis never counts as a no-show.\n"
        "Next: book again, on another date or with another doctor of the same grade.",
    ),
}
