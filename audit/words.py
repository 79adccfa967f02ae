"""What each rule says, in one sentence, in the languages of the pages."""

SAYS: dict[str, tuple[str, str]] = {
    "work_is_done": (
        "待发消息都已送达，没有滞留消息，没有逾期的定时任务。",
        "What was to be sent has arrived, no message is parked, and no timer is overdue.",
    ),
    "no_order_is_stuck": (
        "没有卡住的订单：等人的有期限，等系统的有回音。",
        "No order is stuck: who waits for a person has a deadline, who waits for a service has its answer.",
    ),
    "orders_and_numbers_agree": (
        "每个订单与它的号源一致，没有无主的号。",
        "Every order has exactly the number that it should have, and no number is held for nobody.",
    ),
    "visits_follow_orders": (
        "已确认的订单都有就诊记录；候诊的人除现场号外都有有效订单。",
        "Every confirmed order has its visit; nobody but walk-ins waits for a doctor without an order that stands.",
    ),
    "one_visitor_one_desk": (
        "被叫号或就诊中的人只在一个诊位，一个诊位只有一人。",
        "Who is called or with a doctor is at one desk, and no desk claims anybody else.",
    ),
    "no_slot_is_sold_twice": ("没有一个号卖给两个人。", "No number is sold twice."),
    "inventory_adds_up": (
        "每个场次的号源总数等于余号、占用、已售与停用之和，计数与明细一致。",
        "The numbers of every session add up, and its counters are what a count gives.",
    ),
    "no_fen_is_lost": (
        "每个订单收到的钱，减去退回和转出的，正好是应有的数额。",
        "What came in for each order and did not go back or on is exactly what is due.",
    ),
    "intents_agree": (
        "已退的金额与付款人，预约与支付两边一致。",
        "Booking and payment agree on whose money it is, and on what is back.",
    ),
    "moves_agree": (
        "改号时转移的款项，两张订单与两边账目一致。",
        "Money that moved from an order to the one that replaced it is the same for both, in both services.",
    ),
    "fees_are_earned": (
        "已就诊的诊费已确认收入，其他订单没有。",
        "The fee of a visit that took place is earned, and of no other order but one that was missed.",
    ),
    "ledger_balances": (
        "账本每笔分录借贷平衡，并与收付事实一致。",
        "Every entry of the ledger sums to zero, and the books say what the facts say.",
    ),
    "money_is_watched": ("资金监测的各项规则全部成立。", "All invariants of money that the watchdog looks at hold."),
    "providers_agree": (
        "支付渠道自己的账与我们的账一致。",
        "What a provider holds for us by our books is what it holds by its own.",
    ),
    "everybody_was_told_once": (
        "患者都得到了通知，且每一步只通知一次。",
        "Every patient was told where her order stands, each step once.",
    ),
    "no_letter_is_stuck": ("没有卡在发送途中的短信或邮件。", "No e-mail or SMS is stuck on its way out."),
    "trail_is_whole": (
        "安全审计链完整，没有缺失或改动。",
        "The trail of security-relevant acts is whole and unchanged.",
    ),
}
