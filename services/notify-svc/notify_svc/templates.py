"""The texts, in both languages, versioned: a notification is shown by the version that it was written for.

A text is lines with {facts} in them; a line whose facts the message does not tell is left out. A published version never
changes but for the language's sake: other facts or another meaning are a new version beside it.
"""

import re
from collections.abc import Mapping
from typing import Any

from common.log import mask_text

from notify_svc.facts import facts_of

LOCALES = ("zh-CN", "en")

_FACT = re.compile(r"\{(\w+)\}")

_VISIT_ZH = "{hospital} {department} {doctor}（{doctor_title}）\n就诊时间：{date} {period} {segment}\n诊室：{room}\n"
_VISIT_EN = "{doctor} ({doctor_title}), {department}, {hospital}\nWhen: {date}, {segment} ({period})\nRoom: {room}\n"

TEMPLATES: dict[tuple[str, int, str], tuple[str, str]] = {
    # --- the account
    ("user_registered", 1, "zh-CN"): (
        "欢迎使用号源",
        "{username}，您好，您的账号已开通。\n下一步：请先添加就诊人（每个账号最多 4 位），即可预约挂号。",
    ),
    ("user_registered", 1, "en"): (
        "Welcome to Haoyuan",
        "Hello {username}, your account is ready.\nNext: add the people you book for (at most 4), then choose a doctor.",
    ),
    # --- the order
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
        _VISIT_ZH + "就诊序号：{queue_number}\n挂号费：{fee}\n下一步：请在 {pay_before} 前支付，逾期号将自动释放。",
    ),
    ("order_held", 1, "en"): (
        "A number is held for you: please pay",
        _VISIT_EN
        + "Your number: {queue_number}\nFee: {fee}\nNext: pay before {pay_before} (Beijing time), or the number goes back.",
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
    ("order_confirmed", 1, "zh-CN"): (
        "挂号成功",
        _VISIT_ZH
        + "就诊序号：{queue_number}\n挂号费：{fee}\n下一步：请于 {date} {arrive} 前到院报到，并携带就诊人的有效证件。",
    ),
    ("order_confirmed", 1, "en"): (
        "Your appointment is confirmed",
        _VISIT_EN
        + "Your number: {queue_number}\nFee: {fee}\nNext: check in at the hospital by {arrive} on {date} (Beijing time), "
        "with the patient's ID document.",
    ),
    ("order_expired", 1, "zh-CN"): (
        "超时未支付，号已释放",
        _VISIT_ZH + "没有产生任何费用。\n下一步：如仍需就诊，请重新挂号。",
    ),
    ("order_expired", 1, "en"): (
        "Not paid in time: the number went back",
        _VISIT_EN + "Nothing was charged.\nNext: book again if you still need to see the doctor.",
    ),
    ("order_withdrawn", 1, "zh-CN"): (
        "号已退回",
        _VISIT_ZH + "此预约已取消，号已退回，请勿前往就诊。\n"
        "待退款：{amount}，原路退回；在窗口付款的，请凭就诊人证件到收费窗口领取。\n退款完成后会另行通知您。",
    ),
    ("order_withdrawn", 1, "en"): (
        "Your number went back",
        _VISIT_EN + "This appointment no longer stands: please do not come for it.\n"
        "To be refunded: {amount}, to where it came from; if you paid at the counter, collect it there with the patient's document.\n"
        "We tell you when that is done.",
    ),
    ("visit_stopped", 1, "zh-CN"): (
        "停诊通知：请勿前往",
        "很抱歉，医生停诊，以下就诊取消，请勿前往。\n"
        + _VISIT_ZH
        + "待退款：{amount}，全额原路退回；在窗口付款的，请凭就诊人证件到收费窗口领取。\n"
        "本次取消不计入爽约。处理完成后会另行通知您。",
    ),
    ("visit_stopped", 1, "en"): (
        "Stopped: please do not come",
        "We are sorry: the doctor's session will not take place. Please do not come.\n"
        + _VISIT_EN
        + "To be refunded in full: {amount}, to where it came from; if you paid at the counter, collect it there with the "
        "patient's document.\nThis never counts as a no-show. We tell you when all is settled.",
    ),
    ("order_cancelled", 1, "zh-CN"): (
        "退号成功",
        _VISIT_ZH + "已退款：{refunded}，原路退回，到账时间以支付渠道为准。\n此预约已取消，请勿前往就诊。",
    ),
    ("order_cancelled", 1, "en"): (
        "Your order is cancelled",
        _VISIT_EN + "Refunded: {refunded}, to where it came from; when it shows there is up to the payment provider.\n"
        "This appointment no longer stands: please do not come for it.",
    ),
    ("session_stopped", 1, "zh-CN"): (
        "停诊通知",
        "很抱歉，医生停诊，您的预约已取消。\n" + _VISIT_ZH + "已全额退款：{refunded}，原路退回。\n"
        "本次取消不计入爽约。\n下一步：可改约其他日期或同级别医生。",
    ),
    ("session_stopped", 1, "en"): (
        "The doctor's session was stopped",
        "We are sorry: the session will not take place, and your order is cancelled.\n"
        + _VISIT_EN
        + "Refunded in full: {refunded}, to where it came from.\nThis never counts as a no-show.\n"
        "Next: choose another date, or another doctor of the same grade.",
    ),
    # --- the money
    ("payment_succeeded", 1, "zh-CN"): (
        "支付成功",
        "已收到 {amount}（{method}）。\n支付时间：{paid_at}\n下一步：无需操作，挂号结果会另行通知您。",
    ),
    ("payment_succeeded", 1, "en"): (
        "Payment received",
        "We received {amount} by {method}.\nPaid: {paid_at} (Beijing time)\nNext: nothing to do; we tell you when it is confirmed.",
    ),
    ("payment_failed", 1, "zh-CN"): (
        "支付未成功",
        "支付方式：{method}\n原因：{reason}\n下一步：在支付时限内可再次支付或换一种方式。",
    ),
    ("payment_failed", 1, "en"): (
        "The payment failed",
        "Method: {method}\nReason: {reason}\nNext: pay again before the deadline, in the same or another way.",
    ),
    ("refund_succeeded", 1, "zh-CN"): (
        "退款成功",
        "已退款 {amount}，退回至：{method}。\n到账时间以支付渠道为准。\n下一步：无需操作。",
    ),
    ("refund_succeeded", 1, "en"): (
        "Refunded",
        "We refunded {amount} by {method}.\nWhen it shows there is up to the payment provider.\nNext: nothing to do.",
    ),
    ("surplus_refunded", 1, "zh-CN"): (
        "多付款项已退回",
        "有一笔付款重复或到账过晚，已自动退回 {amount}，退回至：{method}。\n下一步：无需操作。",
    ),
    ("surplus_refunded", 1, "en"): (
        "What was paid too much went back",
        "A payment came twice or too late. We refunded {amount} by {method}.\nNext: nothing to do.",
    ),
    ("refund_stalled", 1, "zh-CN"): (
        "退款处理中，工作人员正在跟进",
        "您的退款 {amount} 被支付渠道退回，工作人员已收到通知并正在处理。\n下一步：无需操作，退款成功后会通知您。",
    ),
    ("refund_stalled", 1, "en"): (
        "Your refund takes longer: we are at it",
        (
            "The payment provider refused your refund of {amount}. Our staff know and are dealing with it.\n"
            "Next: nothing to do; we tell you when it has gone through."
        ),
    ),
    ("refund_failed", 1, "zh-CN"): (
        "退款处理中，工作人员正在跟进",
        "多付款项 {amount} 的退款被支付渠道退回，工作人员已收到通知并正在处理。\n下一步：无需操作，退款成功后会通知您。",
    ),
    ("refund_failed", 1, "en"): (
        "Your refund takes longer: we are at it",
        (
            "You paid {amount} too much, and the payment provider refused the refund. Our staff know and are dealing with it.\n"
            "Next: nothing to do; we tell you when it has gone through."
        ),
    ),
    # --- the staff
    ("refund_stalled_staff", 1, "zh-CN"): (
        "订单退款受阻，请处理",
        "订单：{order_id}\n金额：{amount}\n原因：{reason}\n下一步：请重新发起退款或线下退还，患者已被告知正在处理。",
    ),
    ("refund_stalled_staff", 1, "en"): (
        "A cancelled order waits for its refund: please act",
        "Order: {order_id}\nAmount: {amount}\nReason: {reason}\nNext: repeat the refund or pay it out; the patient knows that we are at it.",
    ),
    ("refund_failed_staff", 1, "zh-CN"): (
        "支付渠道拒绝退款，请处理",
        "退款单：{refund_id}\n订单：{order_id}\n金额：{amount}\n原因：{reason}\n下一步：请重新发起退款或线下退还。",
    ),
    ("refund_failed_staff", 1, "en"): (
        "A provider refused a refund: please act",
        "Refund: {refund_id}\nOrder: {order_id}\nAmount: {amount}\nReason: {reason}\nNext: repeat the refund or pay it out.",
    ),
    ("roster_applied", 1, "zh-CN"): (
        "排班已导入",
        "新增或变更 {applied} 项，未变 {unchanged} 项，拒绝 {rejected} 项。\n排班编号：{roster_id}\n下一步：如有拒绝项，请更正后重新上传。",
    ),
    ("roster_applied", 1, "en"): (
        "The roster was taken in",
        "Applied {applied}, unchanged {unchanged}, rejected {rejected}.\nRoster: {roster_id}\nNext: correct what was rejected and send it again.",
    ),
}
"""(kind, version, locale) -> title and text."""

_NEWEST: dict[str, int] = {}
for _kind, _version, _ in TEMPLATES:
    _NEWEST[_kind] = max(_version, _NEWEST.get(_kind, 0))


def kinds() -> list[str]:
    """Every kind of notification that has a text."""
    return sorted(_NEWEST)


def newest(kind: str) -> int:
    """The version for what is told from now on."""
    return _NEWEST[kind]


_UNKNOWN = {
    "zh-CN": ("您有一条新通知", "请刷新页面或稍后再看。"),
    "en": ("You have a new notification", "Please reload the page, or look again later."),
}
"""While a new release comes in, its workers write what an older api cannot show yet: the rest of the inbox still shows."""


def _template(kind: str, version: int, locale: str) -> tuple[str, str]:
    known = TEMPLATES.get((kind, version, locale)) or TEMPLATES.get((kind, _NEWEST.get(kind, 0), locale))
    return known or _UNKNOWN[locale]


def render(kind: str, version: int, params: Mapping[str, Any], locale: str) -> tuple[str, str]:
    """Title and text. Should a field hold a national ID or a mobile number, its middle is hidden."""
    title, text = _template(kind, version, locale)
    facts = facts_of(params, locale)
    lines = [line for line in text.split("\n") if facts.keys() >= set(_FACT.findall(line))]
    return title, mask_text(_FACT.sub(lambda fact: facts[fact[1]], "\n".join(lines)))
