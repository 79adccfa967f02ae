"""The short messages. Providers fill in a template of theirs, which they have approved beforehand: docs/notifications.md.

So each variable stands once and alone between words, has a value always (ABSENT), and none is a link. Nothing here may be what
providers refuse: brackets of a signature, ¥, links. A verification code is the only variable of its text.
"""

Sms = dict[tuple[str, int], dict[str, str]]
"""(kind, version) -> locale -> text. What providers know is the newest; its number is in *_SMS_TEMPLATES."""

_CODE_ZH = "验证码{code}，10分钟内有效。工作人员不会索取，请勿告诉任何人。"
_CODE_EN = "verification code {code}, good for 10 minutes. Our staff never ask for it. Do not share it."
_ACT_ZH = "非本人操作请立即重设密码并退出所有登录。"
_ACT_EN = "If it was not you, reset your password at once and end all logins."
_VISIT_ZH = "就诊人{patient}，{when}，{hospital}，科室{department}，医生{doctor}"
_VISIT_EN = "patient {patient}, {when}, {hospital}, {department}, Dr. {doctor}"

SMS: Sms = {
    ("code_register", 1): {
        "zh-CN": "您正在注册号源账号，" + _CODE_ZH,
        "en": "Registering with Haoyuan: " + _CODE_EN,
    },
    ("code_login", 1): {
        "zh-CN": "您正在登录号源账号，" + _CODE_ZH,
        "en": "Logging in to Haoyuan: " + _CODE_EN,
    },
    ("code_reset", 1): {
        "zh-CN": "您正在重设号源账号密码，" + _CODE_ZH,
        "en": "Resetting your Haoyuan password: " + _CODE_EN,
    },
    ("code_confirm", 1): {
        "zh-CN": "您正在把此手机号绑定到号源账号，" + _CODE_ZH,
        "en": "Confirming this phone for Haoyuan: " + _CODE_EN,
    },
    ("code_export", 1): {
        "zh-CN": "您正在导出号源账号的个人数据，" + _CODE_ZH,
        "en": "Exporting your Haoyuan data: " + _CODE_EN,
    },
    ("code_delete", 1): {
        "zh-CN": "您正在注销号源账号，注销后无法恢复，" + _CODE_ZH,
        "en": "Closing your Haoyuan account for good: " + _CODE_EN,
    },
    ("security_password_changed", 1): {
        "zh-CN": "您的号源账号密码已于{at_short}修改。" + _ACT_ZH,
        "en": "Your Haoyuan password was changed on {at_short}. " + _ACT_EN,
    },
    ("security_password_reset", 1): {
        "zh-CN": "您的号源账号密码已于{at_short}重设。" + _ACT_ZH,
        "en": "Your Haoyuan password was reset on {at_short}. " + _ACT_EN,
    },
    ("security_email_added", 1): {
        "zh-CN": "您的号源账号已于{at_short}绑定邮箱。" + _ACT_ZH,
        "en": "An e-mail address was added to your Haoyuan account on {at_short}. " + _ACT_EN,
    },
    ("security_email_changed", 1): {
        "zh-CN": "您的号源账号邮箱已于{at_short}变更。" + _ACT_ZH,
        "en": "The e-mail of your Haoyuan account was changed on {at_short}. " + _ACT_EN,
    },
    ("security_phone_added", 1): {
        "zh-CN": "您的号源账号已于{at_short}绑定手机号。" + _ACT_ZH,
        "en": "A phone was added to your Haoyuan account on {at_short}. " + _ACT_EN,
    },
    ("security_phone_changed", 1): {
        "zh-CN": "您的号源账号手机号已于{at_short}变更。" + _ACT_ZH,
        "en": "The phone of your Haoyuan account was changed on {at_short}. " + _ACT_EN,
    },
    ("security_logins_ended", 1): {
        "zh-CN": "您的号源账号已于{at_short}退出所有登录。" + _ACT_ZH,
        "en": "All logins of your Haoyuan account ended on {at_short}. " + _ACT_EN,
    },
    ("security_token_reused", 1): {
        "zh-CN": "您的号源账号一处登录因凭据被重复使用，已于{at_short}终止。" + _ACT_ZH,
        "en": "An old credential of your Haoyuan account was used; that login ended on {at_short}. " + _ACT_EN,
    },
    ("security_locked", 1): {
        "zh-CN": "有人于{at_short}多次输错您号源账号的密码，密码登录已暂停片刻，可改用验证码登录。",
        "en": "Wrong passwords for your Haoyuan account on {at_short}: password logins are paused. Log in with a code instead.",
    },
    ("security_roles_changed", 1): {
        "zh-CN": "您的号源账号权限已于{at_short}由管理员变更，请重新登录。",
        "en": "The roles of your Haoyuan account were changed by an administrator on {at_short}. Please log in again.",
    },
    ("security_data_exported", 1): {
        "zh-CN": "您的号源账号数据已于{at_short}导出。" + _ACT_ZH,
        "en": "The data of your Haoyuan account was exported on {at_short}. " + _ACT_EN,
    },
    ("security_account_deleted", 1): {
        "zh-CN": "您的号源账号已于{at_short}注销，仍可退的预约自动取消并退款。非本人操作请立即联系您预约的医院。",
        "en": "Your Haoyuan account ended on {at_short}; what can be cancelled is cancelled and refunded. If it was not you, tell your hospital.",
    },
    ("order_held", 1): {
        "zh-CN": "号已保留：" + _VISIT_ZH + "，序号{queue_number}。请在{pay_short}前支付{due_plain}，逾期号将释放。",
        "en": "Number held: " + _VISIT_EN + ", no. {queue_number}. Pay {due_plain} before {pay_short} or it goes back.",
    },
    ("order_offered", 1): {
        "zh-CN": "候补轮到您：" + _VISIT_ZH + "，挂号费{fee_plain}。请在{accept_short}前确认是否接受，逾期顺延下一位。",
        "en": "A number for you: "
        + _VISIT_EN
        + ", fee {fee_plain}. Accept before {accept_short}, or it goes to the next in line.",
    },
    ("order_confirmed", 1): {
        "zh-CN": "挂号成功："
        + _VISIT_ZH
        + "，地点{room}，序号{queue_number}，挂号费{fee_plain}。请按时到院报到并携带就诊人证件。",
        "en": "Confirmed: "
        + _VISIT_EN
        + ", room {room}, no. {queue_number}, fee {fee_plain}. Check in on time with the patient's ID document.",
    },
    ("order_rescheduled", 1): {
        "zh-CN": "改约成功，就诊已改为：" + _VISIT_ZH + "，地点{room}。原号已退回，请勿按原时间前往。",
        "en": "Moved, you now have: " + _VISIT_EN + ", room {room}. Please do not come at the old time.",
    },
    ("order_withdrawn", 1): {
        "zh-CN": "号已退回：" + _VISIT_ZH + "的预约已取消，请勿前往。待退款{amount_plain}，完成后另行通知。",
        "en": "Cancelled: "
        + _VISIT_EN
        + ". Please do not come. To be refunded: {amount_plain}; we tell you when it is done.",
    },
    ("order_cancelled", 1): {
        "zh-CN": "退号成功：" + _VISIT_ZH + "的预约已取消，请勿前往。没有需要退还的费用。",
        "en": "Cancelled: " + _VISIT_EN + ". Please do not come. There is nothing to refund.",
    },
    ("visit_stopped", 1): {
        "zh-CN": "停诊通知：" + _VISIT_ZH + "停诊，请勿前往。待退款{amount_plain}，全额原路退回，不计爽约。",
        "en": "Stopped: "
        + _VISIT_EN
        + ". Please do not come. {amount_plain} goes back in full; this is no missed visit.",
    },
    ("session_stopped", 1): {
        "zh-CN": "停诊通知：" + _VISIT_ZH + "停诊，预约已取消，请勿前往。没有需要退还的费用，不计爽约，可重新挂号。",
        "en": "Stopped: "
        + _VISIT_EN
        + ". Please do not come. Nothing to refund, and no missed visit. You can book again.",
    },
    ("substitutes_offered", 1): {
        "zh-CN": "停诊通知："
        + _VISIT_ZH
        + "停诊，请勿前往。请在{accept_short}前到号源选择同级别的替代号，否则{amount_plain}全额退回。",
        "en": "Stopped: "
        + _VISIT_EN
        + ". Please do not come. Choose a substitute in Haoyuan before {accept_short}, or {amount_plain} goes back in full.",
    },
    ("refund_succeeded", 1): {
        "zh-CN": "退款成功：就诊人{patient}，医生{doctor}，已退回{amount_plain}至{method}，到账时间以支付渠道为准。",
        "en": "Refunded: {amount_plain} by {method}, for patient {patient}, Dr. {doctor}. Your payment provider decides when it arrives.",
    },
    ("surplus_refunded", 1): {
        "zh-CN": "多付款项已退回：{amount_plain}，退至{method}，到账时间以支付渠道为准。",
        "en": "Paid too much: {amount_plain} was returned by {method}. Your payment provider decides when it arrives.",
    },
    ("refund_stalled", 1): {
        "zh-CN": "退款处理中：您的退款{amount_plain}受阻，工作人员正在处理，无需操作，成功后通知您。",
        "en": "Your refund of {amount_plain} is delayed. Our staff are working on it. You need not do anything; we will tell you when it is done.",
    },
    ("refund_failed", 1): {
        "zh-CN": "退款处理中：多付的{amount_plain}退款受阻，工作人员正在处理，无需操作，成功后通知您。",
        "en": "The refund of the {amount_plain} that you overpaid is delayed. Our staff are working on it; you need not do anything.",
    },
    ("visit_missed", 1): {
        "zh-CN": "爽约登记：" + _VISIT_ZH + "登记为未就诊，已记入信用记录。如有误请在号源申诉。",
        "en": "Noted as missed: " + _VISIT_EN + ". It enters your credit record; if it is wrong, appeal in Haoyuan.",
    },
    ("visit_near", 1): {
        "zh-CN": "候诊提醒：就诊人{patient}，候诊号{ticket}，前面还有{ahead}位，请到{room}附近候诊，医生{doctor}。",
        "en": "Your turn is near: patient {patient}, number {ticket}, before you {ahead}. Please come to {room}, Dr. {doctor}.",
    },
    ("visit_called", 1): {
        "zh-CN": "叫号：就诊人{patient}，候诊号{ticket}，请现在到{room}就诊，医生{doctor}。",
        "en": "It is your turn: patient {patient}, number {ticket}. Please come now to {room}, Dr. {doctor}.",
    },
    ("visit_passed", 1): {
        "zh-CN": "过号：就诊人{patient}，候诊号{ticket}，叫号未到已顺延，前面还有{ahead}位，再有{left}次未到按爽约处理，请到{room}候诊。",
        "en": "You missed your call: patient {patient}, number {ticket}, before you {ahead}. Missed calls left: {left}. Please wait near {room}.",
    },
    ("visit_moved", 1): {
        "zh-CN": "就诊安排有变：就诊人{patient}，候诊号{ticket}，改由医生{to_doctor}看诊，请到{to_room}候诊，等候时间不受影响。",
        "en": "Your visit has moved: patient {patient}, number {ticket}, now Dr. {to_doctor}, room {to_room}. You lose no time.",
    },
    ("visit_too_late", 1): {
        "zh-CN": "号已作废：" + _VISIT_ZH + "，报到超过时限。已付费用全额原路退回，不计爽约，可重新挂号。",
        "en": "Void: "
        + _VISIT_EN
        + ". You checked in too late. What you paid goes back in full; this is no missed visit.",
    },
    ("visit_not_served", 1): {
        "zh-CN": "很抱歉，门诊结束前未能为您看诊：" + _VISIT_ZH + "。已付费用全额原路退回，不计爽约，可重新挂号。",
        "en": "We are sorry, the clinic ended before your turn: "
        + _VISIT_EN
        + ". What you paid goes back in full; this is no missed visit.",
    },
    ("address_dead", 1): {
        "zh-CN": "{address_is}无法送达，已停止向其发送，停诊等重要通知可能延误。请在号源账号中更换或重新验证。",
        "en": "{address_is} cannot be reached, so we send nothing there any more. Please change or confirm it in your Haoyuan account.",
    },
    ("visit_tomorrow", 1): {
        "zh-CN": "就诊提醒：您明日有{count}次就诊，首个"
        + _VISIT_ZH
        + "，地点{room}，序号{queue_number}。请带就诊人证件，按时报到。",
        "en": "Tomorrow: {count} appointment(s), the first: "
        + _VISIT_EN
        + ", room {room}, no. {queue_number}. Bring the patient's ID document.",
    },
    ("visit_soon", 1): {
        "zh-CN": "就诊提醒：您即将有{count}次就诊，首个"
        + _VISIT_ZH
        + "，地点{room}，序号{queue_number}。请带就诊人证件，按时报到。",
        "en": "Soon: {count} appointment(s), the first: "
        + _VISIT_EN
        + ", room {room}, no. {queue_number}. Bring the patient's ID document.",
    },
}

# What was paid in cash does not go back the way it came, and does not wait for a provider. The variables are those of version 1, in
# the same order: a template that is still to be approved anew can be filled in meanwhile.
_REFUND_ZH = "线上退款的到账时间以支付渠道为准。"
_REFUND_EN = "When an online refund arrives is up to your payment provider."
_ALL_BACK_ZH = "已付费用全额退还，不计爽约，可重新挂号。"
SMS |= {
    ("visit_stopped", 2): {
        **SMS["visit_stopped", 1],
        "zh-CN": "停诊通知：" + _VISIT_ZH + "停诊，请勿前往。待退款{amount_plain}，全额退还，不计爽约。",
    },
    ("visit_too_late", 2): {
        **SMS["visit_too_late", 1],
        "zh-CN": "号已作废：" + _VISIT_ZH + "，报到超过时限。" + _ALL_BACK_ZH,
    },
    ("visit_not_served", 2): {
        **SMS["visit_not_served", 1],
        "zh-CN": "很抱歉，门诊结束前未能为您看诊：" + _VISIT_ZH + "。" + _ALL_BACK_ZH,
    },
    ("refund_succeeded", 2): {
        "zh-CN": "退款成功：就诊人{patient}，医生{doctor}，已退还{amount_plain}，方式：{method}。" + _REFUND_ZH,
        "en": "Refunded: {amount_plain} by way of {method}, for patient {patient}, Dr. {doctor}. " + _REFUND_EN,
    },
    ("surplus_refunded", 2): {
        "zh-CN": "多付款项已退还：{amount_plain}，方式：{method}。" + _REFUND_ZH,
        "en": "Paid too much: {amount_plain} was returned by way of {method}. " + _REFUND_EN,
    },
}

ABSENT = {"zh-CN": "见号源", "en": "see Haoyuan"}
"""For a variable that a message does not tell: no provider takes an empty one."""
