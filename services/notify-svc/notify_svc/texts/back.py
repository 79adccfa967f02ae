"""Where money goes back to, in texts that knew only of payments online: what was paid at the counter is collected there, and once
it has gone back it is said how. They follow the versions that whose.py makes, so they name the patient themselves.
"""

from notify_svc.texts.parts import VISIT_EN, VISIT_ZH, Texts
from notify_svc.texts.whose import ORDER, PATIENT

_HERS_ZH = PATIENT["zh-CN"] + VISIT_ZH
_HERS_EN = PATIENT["en"] + VISIT_EN
_MONEY_ZH = PATIENT["zh-CN"] + ORDER["zh-CN"]
_MONEY_EN = PATIENT["en"] + ORDER["en"]
_COUNTER_ZH = "在窗口付款的，请凭就诊人证件到收费窗口领取。\n"
_COUNTER_EN = "if you paid at the counter, collect it there with the patient's document.\n"

BACK: Texts = {
    # --- what will go back
    ("substitutes_offered", 3, "zh-CN"): (
        "停诊通知：请选择替代号或退款",
        "很抱歉，医生停诊，以下就诊取消，请勿前往。\n"
        + _HERS_ZH
        + "您可改为以下同科室、同级别的就诊，不另收费：\n1. {substitute_1}\n2. {substitute_2}\n3. {substitute_3}\n"
        "下一步：请在 {accept_before} 前选择。不选择或不接受的，{amount} 将全额原路退回；"
        + _COUNTER_ZH
        + "停诊不计入爽约。",
    ),
    ("substitutes_offered", 3, "en"): (
        "Stopped: choose another visit, or your money back",
        "We are sorry: the doctor's session will not take place. Please do not come.\n"
        + _HERS_EN
        + "You may have one of these instead, in the same department and grade, at no extra charge:\n"
        "1. {substitute_1}\n2. {substitute_2}\n3. {substitute_3}\n"
        "Next: choose before {accept_before} (Beijing time). If you do not, {amount} goes back in full, to where it came from; "
        + _COUNTER_EN
        + "This never counts as a no-show.",
    ),
    ("order_rescheduled", 3, "zh-CN"): (
        "改约成功",
        "您的就诊已改为：\n" + _HERS_ZH + "原号已退回，请勿按原时间前往。\n"
        "已付款项已转入新的预约，如有多出部分，将原路退回；" + _COUNTER_ZH + "下一步：请按新的时间就诊。",
    ),
    ("order_rescheduled", 3, "en"): (
        "Your appointment has moved",
        "You now have:\n" + _HERS_EN + "Your old number went back: please do not come at the old time.\n"
        "What you paid now pays for the new appointment. Anything left over goes back to where it came from; "
        + _COUNTER_EN
        + "Next: come at the new time.",
    ),
    # --- what went back
    ("order_cancelled", 3, "zh-CN"): (
        "退号成功",
        _HERS_ZH + "已退款：{refunded}。\n{went}\n此预约已取消，请勿前往就诊。",
    ),
    ("order_cancelled", 3, "en"): (
        "Your order is cancelled",
        _HERS_EN + "Refunded: {refunded}.\n{went}\nThis appointment no longer stands: please do not come for it.",
    ),
    ("session_stopped", 4, "zh-CN"): (
        "停诊通知",
        "很抱歉，医生停诊，您的预约已取消。\n" + _HERS_ZH + "已全额退款：{refunded}。\n{went}\n"
        "本次取消不计入爽约。\n下一步：可重新挂号，选择其他日期或同级别医生。",
    ),
    ("session_stopped", 4, "en"): (
        "The doctor's session was stopped",
        "We are sorry: the session will not take place, and your order is cancelled.\n"
        + _HERS_EN
        + "Refunded in full: {refunded}.\n{went}\nThis never counts as a no-show.\n"
        "Next: book again, on another date or with another doctor of the same grade.",
    ),
    ("refund_succeeded", 3, "zh-CN"): (
        "退款成功",
        _MONEY_ZH + "已退款 {amount}。\n{went}\n下一步：无需操作。",
    ),
    ("refund_succeeded", 3, "en"): (
        "Refunded",
        _MONEY_EN + "We refunded {amount}.\n{went}\nNext: nothing to do.",
    ),
    ("surplus_refunded", 5, "zh-CN"): (
        "多付款项已退回",
        _MONEY_ZH + "原因：{why}。\n已退款 {amount}。\n{went}\n下一步：无需操作。",
    ),
    ("surplus_refunded", 5, "en"): (
        "What was paid too much went back",
        _MONEY_EN + "{why}.\nWe refunded {amount}.\n{went}\nNext: nothing to do.",
    ),
}
