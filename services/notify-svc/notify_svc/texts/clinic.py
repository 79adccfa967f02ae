"""What is told on the day of the clinic: in the line, near, called, passed, moved to another line, void, and done."""

from notify_svc.texts.parts import VISIT_EN, VISIT_ZH, Texts

_ZH = "就诊人：{patient}\n候诊号：{ticket}\n"
_EN = "Patient: {patient}\nNumber: {ticket}\n"
_AT_ZH = "{hospital} {department} {doctor}\n"
_AT_EN = "{doctor}, {department}, {hospital}\n"
_BACK_ZH = "如已付费，将全额原路退回，完成后另行通知；在窗口付款的，请凭就诊人证件到收费窗口领取。\n本次不计入爽约。"
_BACK_EN = (
    "If you have paid, all of it goes back to where it came from, and we tell you when that is done; if you paid at the counter, "
    "collect it there with the patient's document.\nThis is no missed visit."
)

CLINIC: Texts = {
    ("visit_checked_in", 1, "zh-CN"): (
        "报到成功",
        _ZH + _AT_ZH + "前面还有 {ahead} 位。\n{late}\n下一步：请在候诊区等候，留意屏幕和通知。",
    ),
    ("visit_checked_in", 1, "en"): (
        "You are checked in",
        _EN + _AT_EN + "Before you: {ahead}.\n{late}\nNext: please wait in the waiting area, and watch the screen and your messages.",
    ),
    ("visit_near", 1, "zh-CN"): (
        "快到您了，请到诊室附近候诊",
        _ZH + _AT_ZH + "地点：{room}\n前面还有 {ahead} 位。",
    ),
    ("visit_near", 1, "en"): (
        "Your turn is near: please come to the room",
        _EN + _AT_EN + "Room: {room}\nBefore you: {ahead}.",
    ),
    ("visit_called", 1, "zh-CN"): (
        "请就诊：叫到您了",
        _ZH + _AT_ZH + "请现在到：{room}",
    ),
    ("visit_called", 1, "en"): (
        "It is your turn",
        _EN + _AT_EN + "Please come now: {room}",
    ),
    ("visit_called_again", 1, "zh-CN"): (
        "再次叫号：请就诊",
        _ZH + _AT_ZH + "第 {call} 次叫号。请现在到：{room}",
    ),
    ("visit_called_again", 1, "en"): (
        "You are called again",
        _EN + _AT_EN + "Call number {call}. Please come now: {room}",
    ),
    ("visit_passed", 1, "zh-CN"): (
        "过号：已为您顺延",
        _ZH + _AT_ZH + "叫号时您不在，已顺延，前面还有 {ahead} 位。\n再有 {left} 次叫号未到，将按爽约处理。\n下一步：请到 {room} 附近候诊。",
    ),
    ("visit_passed", 1, "en"): (
        "You missed your call",
        _EN + _AT_EN + "You did not come when you were called, and now stand further back. Before you: {ahead}.\n"
        "Missed calls until it counts as a missed visit: {left}.\nNext: please wait near {room}.",
    ),
    ("visit_moved", 1, "zh-CN"): (
        "就诊安排有变：请到新的地点候诊",
        _ZH + "原：{doctor} {room}\n现：{to_department} {to_doctor}（{to_doctor_title}）\n地点：{to_room}\n原因：{why}\n您的等候时间不受影响。",
    ),
    ("visit_moved", 1, "en"): (
        "Your visit has moved to another line",
        _EN + "Before: {doctor}, {room}\nNow: {to_doctor} ({to_doctor_title}), {to_department}\nRoom: {to_room}\nWhy: {why}\n"
        "You lose none of the time that you have waited.",
    ),
    ("visit_too_late", 1, "zh-CN"): (
        "报到超时，号已作废",
        "您报到时已超过医院规定的时限，此号作废。\n就诊人：{patient}\n" + VISIT_ZH + _BACK_ZH + "\n下一步：如仍需就诊，请重新挂号或到窗口咨询。",
    ),
    ("visit_too_late", 1, "en"): (
        "You came too late: the number is void",
        "You checked in later than the hospital's rules allow, so this number is void.\nPatient: {patient}\n" + VISIT_EN + _BACK_EN
        + "\nNext: book again, or ask at the desk.",
    ),
    ("visit_not_served", 1, "zh-CN"): (
        "很抱歉，今天未能为您看诊",
        "您已报到，但门诊结束前未能轮到您。\n就诊人：{patient}\n" + VISIT_ZH + _BACK_ZH + "\n下一步：请重新挂号，或联系医院。",
    ),
    ("visit_not_served", 1, "en"): (
        "We are sorry: you were not seen today",
        "You had checked in, but the clinic ended before your turn.\nPatient: {patient}\n" + VISIT_EN + _BACK_EN
        + "\nNext: book again, or ask the hospital.",
    ),
    ("visit_completed", 1, "zh-CN"): (
        "就诊完成",
        "就诊人：{patient}\n" + VISIT_ZH + "下一步：无需操作。祝早日康复。",
    ),
    ("visit_completed", 1, "en"): (
        "Your visit is done",
        "Patient: {patient}\n" + VISIT_EN + "Next: nothing to do. We wish you well.",
    ),
}  # fmt: skip

MISSED: Texts = {
    ("visit_missed", 3, "zh-CN"): (
        "爽约登记：您未按时就诊",
        "以下就诊已登记为未就诊：\n就诊人：{patient}\n" + VISIT_ZH + "依据：订单 {order_id}\n"
        "这意味着：本次记入信用记录，有效期至：{mark_expires}，到期自动失效；"
        "累计达到医院公布的次数会暂停预约一段时间，急诊不受影响。停诊的不计入。\n"
        "如登记有误或事出有因：请在信用记录中提交申诉（每条记录一次），申诉成立即撤销。",
    ),
    ("visit_missed", 3, "en"): (
        "Noted as missed: you were not seen",
        "This visit is noted as missed:\nPatient: {patient}\n" + VISIT_EN + "Evidence: order {order_id}\n"
        "What it means: it enters your credit record and expires there by itself on {mark_expires} (Beijing time). At the number "
        "of marks that its rules name, a hospital may take no bookings for some time; urgent care is never barred. A session that was "
        "stopped never counts.\n"
        "If it is wrong, or you had good reason: appeal in your credit record, once for each mark; one that does not hold is lifted.",
    ),
}  # fmt: skip
"""The version before it said that staff noted it. It may have been the clock."""
