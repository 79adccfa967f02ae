"""Alipay's OpenAPI v2: a QR code at the counter or on a screen, a page, a phone's browser.

A trade exists with Alipay only when its payer has opened it: until then query and close know nothing of the number, and it stays
payable. So every trade carries the absolute end of its life (time_expire), and `Absent` means the end only some time after that.
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Self

from common.clock import SHANGHAI

from payment_svc.domain import CREATE_GRACE
from payment_svc.providers import (
    Absent,
    BillOutcome,
    Card,
    Closed,
    CreateOutcome,
    Failed,
    Heard,
    Paid,
    Processing,
    Refunded,
    RefundOrder,
    RefundOutcome,
    Reversed,
    Shown,
    Trade,
    TradeOutcome,
    Unknown,
    keys,
)
from payment_svc.providers.alipay import bill, callbacks
from payment_svc.providers.alipay.client import Client, Denied, Fields
from payment_svc.providers.alipay.fields import evidence, moment, text, trade_outcome
from payment_svc.providers.money import fen, yuan
from payment_svc.settings import Settings

EXPIRY_GRACE = timedelta(minutes=2)
"""After time_expire, for clocks that differ, and a payer who was asked for her password just before."""
_KNOWN_AFTER = timedelta(seconds=10)
"""A refund's query may find nothing sooner. Who asks repeats a number once within that time, and after it with more than that between:
what is not known by then was not made."""
MOST_SUBJECT = 256

_TAKEN = str.maketrans({**dict.fromkeys("{}/=&", " "), ",": "，", '"': "”"})
"""Braces confuse the SDK, the next three Alipay forbids, and the last two are in the way when its bill is read."""
_OURS = {"failed", "unavailable", "other"}
_GIVEN_ALREADY = ("APPLY_PC_MERCHANT_CODE_ERROR", "TRADE_HAS_SUCCESS", "CONTEXT_INCONSISTENT")
"""Alipay knows the number already, so this trade may be paid yet, or is: an earlier answer was lost, or is on its way."""


class Alipay:
    """The adapter: merchant `seller_id`, through `client`.

    What it shows is never renewed (no `fresh_for`): links live as long as their trades, and a number may not get a second code, though
    codes die two hours after they were made. A payer who comes so late starts another attempt.
    """

    by_hand = False
    channels = ("qr", "page", "wap")
    refund_gap = timedelta(seconds=3)
    reverses = True
    accepted = (200, b"success", "text/plain")
    bill_ready = time(9)

    def __init__(self, client: Client, seller_id: str) -> None:
        self._client = client
        self._seller_id = seller_id

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """Raises ValueError for keys that are none. Calls nobody."""
        client = Client(
            app_id=settings.alipay_app_id,
            private_key=keys.private_key(settings.alipay_private_key, "alipay_merchant.pem"),
            public_key=keys.public_key(settings.alipay_public_key, "alipay_public.pem"),
            url=settings.alipay_url,
            notify_url=settings.notify_url("alipay"),
            timeout=settings.provider_timeout,
        )
        return cls(client, settings.alipay_seller_id)

    # --- paying ------------------------------------------------------------------------------------------------------

    def create(self, trade: Trade) -> CreateOutcome:
        asked = {
            "subject": plain(trade.description) or trade.number,
            "out_trade_no": trade.number,
            "total_amount": yuan(trade.amount),
            "time_expire": f"{trade.expires_at.astimezone(SHANGHAI):%Y-%m-%d %H:%M:%S}",
        }
        channel = trade.channel or self.channels[0]
        if channel == "qr":
            return self._precreate(trade, asked)
        if channel not in self.channels:
            return Failed(f"alipay has no channel {channel[:20]!r}")
        back = trade.payer.get("return_url")
        if channel == "page":
            signed = self._client.api_alipay_trade_page_pay(**asked, return_url=back)
        else:
            signed = self._client.api_alipay_trade_wap_pay(**asked, return_url=back, product_code="QUICK_WAP_WAY")
        return Shown({"type": "link", "url": self._client.link(signed)})

    def _precreate(self, trade: Trade, asked: Mapping[str, str]) -> CreateOutcome:
        answer = self._client.ask(
            lambda: self._client.api_alipay_trade_precreate(**asked, product_code="QR_CODE_OFFLINE"),
            out_trade_no=trade.number,
        )
        if isinstance(answer, Unknown):
            return answer
        if isinstance(answer, Denied):
            if not answer.says(*_GIVEN_ALREADY):
                return Failed(answer.code)
            known = self.query(trade)
            return known if isinstance(known, Paid) else Unknown(answer.code)
        code = text(answer, "qr_code")
        return Shown({"type": "qr", "text": code}) if code else Unknown("answer without a code")

    def query(self, trade: Trade) -> TradeOutcome:
        """Paid means that money came, whatever has become of it: TRADE_CLOSED is a trade that was given back whole, too."""
        return self._query(trade)[0]

    def _query(self, trade: Trade) -> tuple[TradeOutcome, Fields]:
        answer = self._client.ask(
            lambda: self._client.api_alipay_trade_query(out_trade_no=trade.number), out_trade_no=trade.number
        )
        if isinstance(answer, Unknown):
            return answer, {}
        if isinstance(answer, Denied):
            return Absent() if _no_trade(answer) else Unknown(answer.code), {}
        try:
            outcome = trade_outcome(answer, datetime.now(UTC))
            amount = fen(text(answer, "total_amount"))
        except ValueError:
            return Unknown("unreadable answer"), answer
        if outcome is None:
            return Unknown("unknown status"), answer
        if amount != trade.amount and not isinstance(outcome, Paid):
            return Unknown("answer about another amount"), answer
        return outcome, answer

    def close(self, trade: Trade) -> TradeOutcome:
        """Absent is not closed: the payer may open the trade yet."""
        answer = self._client.ask(
            lambda: self._client.api_alipay_trade_close(out_trade_no=trade.number), out_trade_no=trade.number
        )
        if isinstance(answer, Unknown):
            return answer
        if isinstance(answer, Denied):
            return Absent() if _no_trade(answer) else self.query(trade)
        return Closed()

    def cancel(self, trade: Trade) -> TradeOutcome:
        """What became of the trade its query says: the cancel may be a repetition, of which nobody knows what it answers."""
        answer = self._client.ask(
            lambda: self._client.api_alipay_trade_cancel(out_trade_no=trade.number),
            loose=True,
            out_trade_no=trade.number,
        )
        if isinstance(answer, Unknown):
            return answer
        if isinstance(answer, Denied):
            return Absent() if _no_trade(answer) else self.query(trade)
        if text(answer, "retry_flag") == "Y":
            return Unknown("cancel to be repeated")
        return self._cancelled(trade, answer)

    def _cancelled(self, trade: Trade, answer: Fields) -> TradeOutcome:
        outcome, fields = self._query(trade)
        if not isinstance(outcome, Paid):
            return outcome
        if text(fields, "trade_status") != "TRADE_CLOSED":
            return Unknown("refund under way") if text(answer, "action") == "refund" else outcome
        at = moment(text(answer, "gmt_refund_pay")) or datetime.now(UTC)
        return Reversed(replace(outcome, evidence={**outcome.evidence, **evidence(answer, "action")}), at)

    def gone_after(self, trade: Trade, closing_since: datetime) -> datetime:
        return max(trade.expires_at + EXPIRY_GRACE, closing_since + CREATE_GRACE)

    # --- giving back -------------------------------------------------------------------------------------------------

    def refund(self, order: RefundOrder) -> RefundOutcome:
        """The number makes it once. A repetition (fund_change N) and a refusal are believed only with the refund's query."""
        reason = plain(order.reason)
        answer = self._client.ask(
            lambda: self._client.api_alipay_trade_refund(
                yuan(order.amount),
                out_trade_no=order.trade_number,
                trade_no=order.transaction_id,
                out_request_no=order.number,
                **({"refund_reason": reason} if reason else {}),
            ),
            out_trade_no=order.trade_number,
        )
        if isinstance(answer, Unknown):
            return answer
        if isinstance(answer, Denied):
            return self._denied(order, answer)
        if text(answer, "trade_no") not in {order.transaction_id, ""}:
            return Unknown("answer about another trade")
        if text(answer, "fund_change") == "Y":
            return _refunded(answer)
        known = self.query_refund(order)
        return Unknown("no money moved, and no refund known") if isinstance(known, Absent) else known

    def _denied(self, order: RefundOrder, answer: Denied) -> RefundOutcome:
        known = self.query_refund(order)
        if isinstance(known, Refunded | Processing):
            return known
        if isinstance(known, Unknown):
            return Unknown(f"{answer.code}; its query: {known.reason}")
        if answer.says("DISCORDANT_REPEAT_REQUEST"):  # another amount went out under this number: a person must look
            return Unknown(answer.code)
        if order.sent_before is not None and order.sent_before < _KNOWN_AFTER:
            return Unknown(f"{answer.code}, too soon after it was sent before")
        return Failed(answer.code)

    def query_refund(self, order: RefundOrder) -> RefundOutcome:
        """Within ten seconds Alipay may know nothing of it yet: the caller repeats the refund then, which its number allows."""
        asked = {
            "out_trade_no": order.trade_number,
            "out_request_no": order.number,
            "query_options": ["gmt_refund_pay"],  # the SDK's own method cannot ask for it
        }
        answer = self._client.ask(
            lambda: self._client.server_api("alipay.trade.fastpay.refund.query", asked),
            loose=True,
            out_trade_no=order.trade_number,
            out_request_no=order.number,
            trade_no=order.transaction_id,
        )
        if isinstance(answer, Unknown):
            return answer
        if isinstance(answer, Denied):
            return Absent() if _no_trade(answer) else Unknown(answer.code)
        status = text(answer, "refund_status")
        if not status:
            return Absent()
        if status != "REFUND_SUCCESS":
            return Processing() if "PROCESSING" in status else Unknown(f"refund status {status[:40]}")
        return _known_refund(order, answer)

    def refund_to_card(self, order: RefundOrder, refund_id: str, card: Card) -> RefundOutcome:
        del order, refund_id, card
        return Failed("alipay refunds to where the money came from")

    # --- what it says unasked, and at the end of the day --------------------------------------------------------------

    def hear(self, headers: Mapping[str, str], body: bytes, now: datetime) -> Heard:
        return callbacks.hear(self._client, self._seller_id, headers, body, now)

    def refusal(self, reason: str) -> tuple[int, bytes, str]:
        """Alipay goes by the body; the status is for those who read the gateway's log: 503 is our fault."""
        return (503 if reason in _OURS else 400), b"fail", "text/plain"

    def bill(self, day: date) -> BillOutcome:
        return bill.download(self._client, day, self._seller_id)


def plain(words: str) -> str:
    """Words as Alipay takes them, and gives them back: on one line, and not too long."""
    printable = "".join(sign if sign.isprintable() else " " for sign in words.translate(_TAKEN))
    return " ".join(printable.split())[:MOST_SUBJECT]


def _no_trade(answer: Denied) -> bool:
    return answer.says("TRADE_NOT_EXIST")


def _refunded(answer: Fields, amount: int | None = None) -> Refunded:
    at = moment(text(answer, "gmt_refund_pay")) or datetime.now(UTC)
    return Refunded(
        at, amount, evidence(answer, "trade_no", "out_request_no", "fund_change", "refund_status", "refund_amount")
    )


def _known_refund(order: RefundOrder, answer: Fields) -> RefundOutcome:
    if text(answer, "out_request_no") != order.number or text(answer, "out_trade_no") != order.trade_number:
        return Unknown("answer without its numbers")
    try:
        total, amount = fen(text(answer, "total_amount")), fen(text(answer, "refund_amount"))
    except ValueError:
        return Unknown("unreadable answer")
    return _refunded(answer, amount) if total == order.total else Unknown("answer about another amount")
