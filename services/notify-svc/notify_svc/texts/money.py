"""What is told of money, and what the staff are told."""

from notify_svc.texts.parts import Texts

MONEY: Texts = {
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
    ("payment_failed", 2, "zh-CN"): (
        "支付未成功",
        "支付方式：{method}\n原因：{failure}\n下一步：在支付时限内可再次支付或换一种方式。",
    ),
    ("payment_failed", 2, "en"): (
        "The payment failed",
        "Method: {method}\nReason: {failure}\nNext: pay again before the deadline, in the same or another way.",
    ),
    ("refund_succeeded", 1, "zh-CN"): (
        "退款成功",
        "已退款 {amount}，退回至：{method}。\n到账时间以支付渠道为准。\n下一步：无需操作。",
    ),
    ("refund_succeeded", 1, "en"): (
        "Refunded",
        "We refunded {amount} by {method}.\nWhen it arrives depends on the payment provider.\nNext: nothing to do.",
    ),
    ("surplus_refunded", 1, "zh-CN"): (
        "多付款项已退回",
        "有一笔付款重复或到账过晚，已自动退回 {amount}，退回至：{method}。\n下一步：无需操作。",
    ),
    ("surplus_refunded", 1, "en"): (
        "What was paid too much went back",
        "A payment came twice or too late. We refunded {amount} by {method}.\nNext: nothing to do.",
    ),
    ("surplus_refunded", 2, "zh-CN"): (
        "多付款项已退回",
        "改约差额、重复付款或到账过晚的款项 {amount} 已自动退回，退回至：{method}。\n下一步：无需操作。",
    ),
    ("surplus_refunded", 2, "en"): (
        "What was paid too much went back",
        "A fee difference, or a payment that came twice or too late: we refunded {amount} by {method}.\nNext: nothing to do.",
    ),
    ("surplus_refunded", 3, "zh-CN"): (
        "多付款项已退回",
        "原因：{why}。\n已自动退回 {amount}，退回至：{method}。\n到账时间以支付渠道为准。\n下一步：无需操作。",
    ),
    ("surplus_refunded", 3, "en"): (
        "What was paid too much went back",
        "{why}.\nWe refunded {amount} by {method}.\nWhen it arrives depends on the payment provider.\nNext: nothing to do.",
    ),
    ("refund_stalled", 1, "zh-CN"): (
        "退款处理中，工作人员正在跟进",
        "您的退款 {amount} 被支付渠道退回，工作人员已收到通知并正在处理。\n下一步：无需操作，退款成功后会通知您。",
    ),
    ("refund_stalled", 1, "en"): (
        "Your refund is delayed: we are working on it",
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
        "Your refund is delayed: we are working on it",
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
        "Order: {order_id}\nAmount: {amount}\nReason: {reason}\nNext: repeat the refund or pay it out; the patient has been told that we are working on it.",
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
