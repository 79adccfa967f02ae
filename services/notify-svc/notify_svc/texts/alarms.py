"""Alarms about money in words, for operators: what is wrong, and what to do. By the kind that payment-svc says.

tests/test_alarm_words.py holds the kinds and the words together.
"""

Words = dict[str, tuple[str, str]]
"""Kind -> title and text."""

_ZH: Words = {
    # the invariants that the watchdog looks at
    "entries_balance": ("账务分录不平", "有分录借贷合计不为零。请保留数据库现状并联系开发人员，在查明前不要修改。"),
    "entries_are_sealed": ("账务保护已失效", "数据库中防止修改账务记录的触发器缺失。请立即恢复，并查明是谁删除的。"),
    "one_payment_counts": (
        "支付归属有误",
        "有订单显示已付但无有效支付，或有多余款项未退回。请核对该订单的支付与退款。",
    ),
    "no_more_goes_back_than_came": (
        "退款超过收款",
        "某笔支付的退款合计超过实收金额。请与支付渠道账单核对并追回多退款项。",
    ),
    "success_is_a_fact": (
        "支付状态与渠道事实不符",
        "有支付显示成功却无渠道凭据，或渠道已收款而未记为成功。请在支付渠道查询该笔支付。",
    ),
    "numbers_are_unique": (
        "单号唯一性保护已失效",
        "数据库的唯一索引缺失，可能出现重复单号。请立即恢复索引并核对重复记录。",
    ),
    "states_only_advance": ("状态发生倒退", "已结束的支付、退款或订单又变为未结束。请保留数据库现状并联系开发人员。"),
    "paid_is_confirmed": (
        "已付款订单未确认",
        "订单已付款但既未确认也未退款，或已确认而未付款。请查看该订单的进展及停留的消息。",
    ),
    "nothing_waits_without_a_job": (
        "款项等待无人跟进",
        "有支付或退款在等待渠道答复，却没有查询任务或任务已逾期。请检查 payment-svc 的 worker。",
    ),
    "bills_and_books_agree": (
        "已结对账日与账务不符",
        "已结的对账日，账单与账务不一致且没有差异说明。请重新核对该日对账单。",
    ),
    "callbacks_are_kept": ("支付回调异常", "有回调未能生效，或保存的原文无法再次验证。请核对该回调所涉的支付或退款。"),
    "amounts_are_whole_fen": ("金额不是整数分", "有金额以小数保存。请保留数据库现状并联系开发人员。"),
    # what happened once
    "amount_mismatch": ("收款金额不符", "到账金额与应付不一致，该款将自动退回。请与渠道账单核对。"),
    "contradicting_fact": ("同一交易说法不一", "同一渠道交易先后报告了不同的单号或金额。请与渠道账单核对。"),
    "unknown_number": (
        "收到未知单号的款项",
        "渠道报告了本系统未发出的单号，款项挂在暂记账户。请确认商户号是否被其他系统使用。",
    ),
    "unknown_refund_number": ("收到未知退款单号", "渠道报告了本系统未发出的退款单号。请确认是否有人在商户后台退款。"),
    "refund_amount_mismatch": ("退款金额不符", "渠道实际退款与申请金额不一致。请与渠道账单核对。"),
    "refund_refused": ("渠道拒绝退款", "退款被渠道最终拒绝。请重新发起退款，或在窗口退还并登记。"),
    "refund_abnormal": ("退款无法到账", "付款人的原账户无法收款。请改退至其银行卡，或在商户后台处理。"),
    "refunded_twice": ("款项重复退回", "原退款与重新发起的退款均已成功，多退部分挂在暂记账户。请追回。"),
    "refund_unanswered": ("退款长时间无答复", "渠道多次未给出退款结果，系统仍在查询。请确认渠道是否可用。"),
    "close_unanswered": ("关单长时间无答复", "渠道多次未确认关单，号源仍被占用，系统仍在查询。请确认渠道是否可用。"),
    "balance_too_low": ("商户余额不足", "商户账户余额不足，退款暂缓并会以原单号重试。请充值。"),
    "provider_missing": ("支付方式未启用", "有未了结的款项属于当前未启用的支付方式。请恢复该支付方式的配置。"),
    "reversed_after_counting": ("已计入的款项被撤销", "渠道撤销了已计为付款的款项。请查看该订单并联系患者。"),
    "reversed_after_moving": ("已转移的款项被撤销", "渠道撤销了已转到另一订单的款项。请查看相关订单并联系患者。"),
    "callback_failed": ("回调处理失败", "收到的回调可信但未能生效，原文已保存，渠道会重发。请查看日志并修复。"),
    "bill_not_ready": ("对账单迟迟未出", "某日的渠道账单一直无法取得。请在商户后台查看。"),
    "bill_differences": ("对账存在差异", "账单与账务有差异待处理。请在对账页面查看并处理。"),
    "bill_sums_differ": ("对账合计不符", "某日账单与账务的合计不一致。请在对账页面核对。"),
    "bill_undecided": ("对账等待相邻账单", "某日对账仍需相邻日期的账单，已超过两天。请在对账页面查看。"),
}

_EN: Words = {
    "entries_balance": (
        "Entries do not balance",
        "The lines of an entry do not sum to zero. Keep the database as it is and call the developers; mend nothing before it is understood.",
    ),
    "entries_are_sealed": (
        "The books are not protected",
        "A trigger that keeps entries from being changed is gone. Restore it at once, and find out who removed it.",
    ),
    "one_payment_counts": (
        "Money pays for the wrong thing",
        "An order counts as paid without a payment, or surplus does not go back. Look at the order's payments and refunds.",
    ),
    "no_more_goes_back_than_came": (
        "More went back than came",
        "The refunds of a payment exceed it. Compare with the provider's bill, and get the rest back.",
    ),
    "success_is_a_fact": (
        "A payment's state is not what its provider says",
        "A payment succeeded without a provider's word, or was paid and does not count. Look it up with the provider.",
    ),
    "numbers_are_unique": (
        "Numbers may be there twice",
        "A unique index is gone. Restore it at once, and look at the numbers that are named.",
    ),
    "states_only_advance": (
        "Something that had ended is under way again",
        "A payment, refund or order left its end. Keep the database as it is and call the developers.",
    ),
    "paid_is_confirmed": (
        "Paid and not confirmed, or confirmed and not paid",
        "Look at the order's history, and at parked messages of booking-svc and payment-svc.",
    ),
    "nothing_waits_without_a_job": (
        "Nobody asks for money that is under way",
        "A payment or refund waits for its provider, and its job is gone or overdue. Is payment-svc's worker running?",
    ),
    "bills_and_books_agree": (
        "A closed day does not agree",
        "Bill and books of a closed day differ, and no difference explains it. Look at the day's reconciliation.",
    ),
    "callbacks_are_kept": (
        "A callback is not in order",
        "A callback took no effect, or what was kept of it can no longer be verified. Look at the payment or refund that it is about.",
    ),
    "amounts_are_whole_fen": (
        "An amount is no whole number of fen",
        "Keep the database as it is and call the developers.",
    ),
    "amount_mismatch": (
        "Another amount came than was asked",
        "It goes back by itself. Compare with the provider's bill.",
    ),
    "contradicting_fact": (
        "A transaction is told in two ways",
        "The same transaction came with another number or amount. Compare with the provider's bill.",
    ),
    "unknown_number": (
        "Money of a number that is not ours",
        "It waits on the suspense account. Does another system use this merchant account?",
    ),
    "unknown_refund_number": (
        "A refund with a number that is not ours",
        "Did somebody refund in the provider's console?",
    ),
    "refund_amount_mismatch": (
        "Another amount went back than was asked",
        "Compare with the provider's bill.",
    ),
    "refund_refused": (
        "A provider refused a refund",
        "Repeat it, or pay it out at the counter and record that.",
    ),
    "refund_abnormal": (
        "A refund cannot reach the payer",
        "The account that it came from takes no money. Send it to a bank card, or settle it in the provider's console.",
    ),
    "refunded_twice": (
        "Money went back twice",
        "A refund and its repetition both succeeded; the second stands on the suspense account. Get it back.",
    ),
    "refund_unanswered": (
        "A refund is not answered",
        "The provider has been asked several times, and will be asked on. Is it reachable?",
    ),
    "close_unanswered": (
        "A close is not answered",
        "The provider has been asked several times, and will be asked on; a number waits for it. Is it reachable?",
    ),
    "balance_too_low": (
        "The merchant account is short of money",
        "Refunds wait, and are repeated under the same number. Top it up.",
    ),
    "provider_missing": (
        "A payment method is switched off",
        "Money of it is still under way. Configure the method again.",
    ),
    "reversed_after_counting": (
        "A payment that counted was reversed",
        "The provider took back what had paid for an order. Look at the order, and call the patient.",
    ),
    "reversed_after_moving": (
        "A payment that had moved was reversed",
        "The provider took back what now pays for another order. Look at both, and call the patient.",
    ),
    "callback_failed": (
        "A callback could not be applied",
        "It is genuine and kept, and will be repeated. The log says what went wrong.",
    ),
    "bill_not_ready": (
        "A bill does not come",
        "A day's bill cannot be had. Look into the provider's console.",
    ),
    "bill_differences": (
        "Bill and books differ",
        "Look at the day's reconciliation, and settle or explain each difference.",
    ),
    "bill_sums_differ": (
        "The sums of bill and books differ",
        "Look at the day's reconciliation.",
    ),
    "bill_undecided": (
        "A day waits for its neighbour's bill",
        "For more than two days. See whether that bill can be had.",
    ),
}

ALARMS: dict[str, Words] = {"zh-CN": _ZH, "en": _EN}
_OTHER = {
    "zh-CN": ("账务提醒", "请查看 payment-svc 的日志。"),
    "en": ("An alarm about money", "The log of payment-svc tells."),
}
"""While a new release comes in, its worker may speak of what an older api has no words for."""


def words_of(kind: str, locale: str) -> tuple[str, str]:
    """Title and text."""
    return ALARMS[locale].get(kind, _OTHER[locale])
