"""The cashier's counter: the patient says the code, the cashier takes the money and records the receipt.

Its books are our own: an attempt is paid when a receipt is recorded, a refund when it is paid out (usecases/counter.py).
"""

from datetime import datetime, timedelta

from payment_svc.providers import (
    Closed,
    CreateOutcome,
    Processing,
    RefundOrder,
    RefundOutcome,
    Shown,
    Trade,
    TradeOutcome,
    Unpaid,
)


class Window:
    """Cash. Once an attempt is closing no receipt is taken, so it is closed as soon as that is asked."""

    by_hand = True
    channels = ()
    refund_gap = timedelta()
    reverses = False

    def create(self, trade: Trade) -> CreateOutcome:
        return Shown({"type": "counter", "code": trade.number})

    def query(self, trade: Trade) -> TradeOutcome:
        del trade
        return Unpaid()

    def close(self, trade: Trade) -> TradeOutcome:
        del trade
        return Closed()

    def cancel(self, trade: Trade) -> TradeOutcome:
        return self.close(trade)

    def gone_after(self, trade: Trade, closing_since: datetime) -> datetime:
        del trade
        return closing_since

    def refund(self, order: RefundOrder) -> RefundOutcome:
        """It waits until a cashier pays it out."""
        del order
        return Processing()

    def query_refund(self, order: RefundOrder) -> RefundOutcome:
        del order
        return Processing()
