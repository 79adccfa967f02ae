"""Money that goes back: refund, fastpay.refund.query, cancel. Alipay refunds at once; there is no waiting for the outcome."""

import secrets
from dataclasses import replace
from datetime import timedelta
from typing import Any

from payment_sandbox.alipay.fields import Call, Refusal, bad, beijing, business, fen, number, setting, text, yuan
from payment_sandbox.alipay.trades import Fields, buyer, found, names, refunded, status
from payment_sandbox.parts import Refund, RefundState, Sandbox, Trade

GAP = timedelta(seconds=3)
QUERY_DELAY = timedelta(seconds=10)


def refund(sandbox: Sandbox, call: Call) -> Fields:
    trade = found(sandbox, call.biz, exactly=True)
    amount = fen(call.biz.get("refund_amount"), "refund_amount")
    named = "out_request_no" in call.biz
    out_request_no = number(call.biz["out_request_no"] if named else trade.number, "out_request_no")
    known = sandbox.books.refund("alipay", out_request_no)
    if known is not None:
        # Stricter than the vendor, for whom a number belongs to its trade: ours are never used for two.
        if (known.trade_number, known.amount) != (trade.number, amount):
            raise business("ACQ.DISCORDANT_REPEAT_REQUEST", "请求信息不一致")
        if known.state in {"success", "processing"}:
            if refused := setting(sandbox, "alipay_refund_again"):
                raise business(refused, "重复退款")
            return _answer(sandbox, trade, known, changed=False)
    _refuse(sandbox, trade, amount, named=named)
    if sandbox.options.refund_outcome == "refused":
        raise business("ACQ.TRADE_NOT_ALLOW_REFUND", "当前交易不允许退款")
    made = _give_back(sandbox, trade, out_request_no, amount, text(call.biz, "refund_reason", 256), known)
    return _answer(sandbox, trade, made, changed=made.state == "success")


def _refuse(sandbox: Sandbox, trade: Trade, amount: int, *, named: bool) -> None:
    stands = status(sandbox, trade)
    if stands == "TRADE_FINISHED":
        raise business("ACQ.TRADE_HAS_FINISHED", "交易已完结")
    if stands != "TRADE_SUCCESS":
        raise business("ACQ.TRADE_STATUS_ERROR", "交易状态不合法")
    if amount > trade.amount or (amount < trade.amount and not named):
        raise business("ACQ.REFUND_AMT_NOT_EQUAL_TOTAL", "退款金额超限")
    if amount > trade.amount - refunded(sandbox, trade):
        raise business("ACQ.REASON_TRADE_REFUND_FEE_ERR", "退款金额无效")
    asked = [refund.requested_at for refund in sandbox.books.refunds_of("alipay", trade.number)]
    if sandbox.options.refund_rule_seconds and asked and sandbox.now() - max(asked) < GAP:
        raise Refusal("40005", "isv.method-call-limited", "同一笔交易的退款至少间隔3秒")
    _refuse_unless_affordable(sandbox, amount)


def _refuse_unless_affordable(sandbox: Sandbox, amount: int, **more: str) -> None:
    if sandbox.options.balance is not None and sandbox.options.balance < amount:
        raise business("ACQ.SELLER_BALANCE_NOT_ENOUGH", "卖家余额不足", **more)


def _give_back(sandbox: Sandbox, trade: Trade, no: str, amount: int, reason: str, failed: Refund | None) -> Refund:
    """`failed`: the same number's refund that came to nothing, tried again now."""
    outcomes: dict[str, RefundState] = {"processing": "processing", "closed": "closed", "abnormal": "abnormal"}
    state: RefundState = outcomes.get(sandbox.options.refund_outcome, "success")
    now = sandbox.now()
    refund = Refund(
        provider="alipay",
        number=no,
        trade_number=trade.number,
        refund_id=failed.refund_id if failed else f"{now:%Y%m%d}{secrets.randbelow(10**12):012d}",
        amount=amount,
        reason=reason,
        notify_url=trade.notify_url if setting(sandbox, "alipay_refund_notify") else "",
        requested_at=now,
        state=state,
        done_at=now if state == "success" else None,
    )
    if failed:
        sandbox.books.set_refund(refund)
    else:
        sandbox.books.add_refund(refund)
    if state == "success":
        if sandbox.options.balance is not None:
            sandbox.options.balance -= amount
        if refund.notify_url:
            sandbox.notify("alipay", "refund", no, refund.notify_url)
    return refund


def _answer(sandbox: Sandbox, trade: Trade, refund: Refund, *, changed: bool) -> Fields:
    back = refunded(sandbox, trade)
    fields: dict[str, Any] = {
        **names(trade),
        **buyer(trade),
        "fund_change": "Y" if changed else "N",
        "refund_fee": yuan(back),  # of all refunds of this trade
        "send_back_fee": yuan(refund.amount if changed else 0),
    }
    if refund.done_at:
        fields["gmt_refund_pay"] = beijing(refund.done_at)
    return fields


def query_refund(sandbox: Sandbox, call: Call) -> Fields:
    """Nothing but `10000` for what is not there, for what failed, and for what is asked too early."""
    trade = found(sandbox, call.biz)
    out_request_no = number(call.biz.get("out_request_no"), "out_request_no")
    options = call.biz.get("query_options", [])
    if not isinstance(options, list):
        raise bad("query_options")
    refund = sandbox.books.refund("alipay", out_request_no)
    if refund is None or refund.trade_number != trade.number or refund.state in {"closed", "abnormal"}:
        return {}
    if setting(sandbox, "alipay_refund_query_delay") and sandbox.now() - refund.requested_at < QUERY_DELAY:
        return {}
    fields: dict[str, Any] = {
        **names(trade),
        "out_request_no": refund.number,
        "total_amount": yuan(trade.amount),
        "refund_amount": yuan(refund.amount),
    }
    if refund.reason:
        fields["refund_reason"] = refund.reason
    if refund.state == "success":
        fields["refund_status"] = "REFUND_SUCCESS"
        if "gmt_refund_pay" in options and refund.done_at:
            fields["gmt_refund_pay"] = beijing(refund.done_at)
    return fields


def cancel(sandbox: Sandbox, call: Call) -> Fields:
    """Ends a trade: closes an unpaid one, gives back what a paid one still has. May be repeated."""
    try:
        trade = found(sandbox, call.biz)
    except Refusal as refusal:
        if refusal.fields["sub_code"] != "ACQ.TRADE_NOT_EXIST":
            raise
        return _cancel_nothing(sandbox, call)
    stands = status(sandbox, trade)
    if stands == "TRADE_FINISHED":
        raise business("ACQ.TRADE_HAS_FINISHED", "交易已完结", retry_flag="N")
    if stands == "WAIT_BUYER_PAY":
        sandbox.books.set_trade(replace(trade, state="closed", closed_at=sandbox.now()))
    rest = trade.amount - refunded(sandbox, trade) if trade.state == "paid" else 0
    if rest:
        _refuse_unless_affordable(sandbox, rest, retry_flag="Y")
        taken = sandbox.books.refund("alipay", trade.number) is not None
        _give_back(sandbox, trade, f"{trade.number}_cancel" if taken else trade.number, rest, "", None)
    return {**names(trade), "retry_flag": "N", "action": "refund" if trade.state == "paid" else "close"}


def _cancel_nothing(sandbox: Sandbox, call: Call) -> Fields:
    out_trade_no = call.biz.get("out_trade_no", "")
    code = sandbox.books.trade("alipay", out_trade_no)
    if code is not None and setting(sandbox, "alipay_cancel_ends_code"):
        sandbox.books.set_trade(replace(code, state="closed", closed_at=sandbox.now()))
    return {"out_trade_no": out_trade_no, "retry_flag": "N"}
