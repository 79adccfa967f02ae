"""payment-svc with providers that bill: what they have on their bills, a test says."""

import hashlib
from collections.abc import Iterable
from dataclasses import replace
from datetime import date, datetime, time, timedelta
from typing import Any

import sqlalchemy as sa
from common.clock import SHANGHAI
from common.messages import RequestPayment
from payment_providers import Scripted
from payment_svc.domain import Fact, Refund
from payment_svc.providers import Bill, BillLine, NotReady, Paid, Unpaid
from payment_svc.store import bills as store
from payment_svc.store import differences
from payment_svc.store.bills import Day, Sum
from payment_svc.store.differences import Difference
from payment_svc.store.tables import facts
from payment_svc.store.watch.bills import bills_and_books_agree
from payment_svc.store.watch.scope import Scope
from payment_svc.usecases.reconciliation import days, staff
from payment_world import FEE, START, WINDOW, World

DAY = date(2026, 11, 22)
NEXT = date(2026, 11, 23)
THIRD = date(2026, 11, 24)


def at(day: date, hour: int, minute: int = 0, second: int = 0) -> datetime:
    """Beijing's time."""
    return datetime.combine(day, time(hour, minute, second), SHANGHAI)


class Billing(Scripted):
    """A provider whose bills are what `bills` says; of days that it does not name they are not ready.

    What it has billed it affirms when it is asked, unless a test plans another answer.
    """

    bill_ready = time(9)

    def __init__(self) -> None:
        super().__init__("qr")
        self.bills: dict[date, Any] = {}
        self.billed: dict[str, Paid] = {}
        self.say["query"] = lambda trade: self.billed.get(trade.number, Unpaid())

    def bill(self, day: date) -> Any:
        self.asked.append(("bill", day))
        outcome = self.bills.get(day, NotReady("not made yet"))
        if isinstance(outcome, BaseException):
            raise outcome
        for line in outcome.lines if isinstance(outcome, Bill) else ():
            if line.kind == "payment":
                self.billed.setdefault(line.number, Paid(line.transaction_id, line.amount, line.at))
        return outcome

    def queried(self) -> list[str]:
        """What it was asked about trades and refunds."""
        return [call for call, _ in self.asked if call in {"query", "query_refund"}]


def bill_of(lines: Iterable[BillLine], *, mark: str = "") -> Bill:
    kept = list(lines)
    content = repr((kept, mark)).encode()
    return Bill(kept, content, hashlib.sha256(content).hexdigest())


def paid_line(fact: Fact, **changes: Any) -> BillLine:
    """What the provider's bill says of a capture."""
    line = BillLine("payment", fact.number, "", fact.transaction_id or "", fact.amount, 0, fact.occurred_at, "SUCCESS")
    return replace(line, **changes)


class BillsWorld(World):
    def __post_init__(self) -> None:
        super().__post_init__()
        self.alipay = self.scripted = Billing()
        self.service.parts.providers["alipay"] = self.alipay
        del self.service.parts.providers["wechat"]
        with self.database.transaction() as tx:
            days.start(tx, wanted=True)

    def request_message(self, order_id: str, **more: Any) -> RequestPayment:
        return replace(super().request_message(order_id, **more), pay_before=self.clock() + WINDOW)

    # --- money -----------------------------------------------------------------------------------------------------------

    def come(self, *, when: datetime = START, amount: int = FEE) -> Fact:
        """An order was paid, and we know it."""
        fact = self.unheard(when=when, amount=amount)
        self.apply(fact)
        return fact

    def unheard(self, *, when: datetime = START, amount: int = FEE) -> Fact:
        """An order was paid, and nobody has told us: what the provider would say."""
        order = self.request(amount=amount)
        fact = self.paid(self.pay_by(order), amount=amount)
        return replace(fact, occurred_at=when)

    def order_of(self, fact: Fact) -> str:
        """The order that a payment is for."""
        with self.database.reading() as conn:
            query = sa.select(sa.text("order_id")).select_from(sa.text("attempts"))
            return str(conn.execute(query.where(sa.text("number = :number")), {"number": fact.number}).scalar_one())

    def go_back(self, fact: Fact, state: str = "succeeded") -> Refund:
        """What came by it is given back, and as far as `state` by now."""
        order = self.order_of(fact)
        self.ask_refund(order)
        self.run_jobs()
        (refund,) = self.refunds(order)
        if state in {"succeeded", "failed"}:
            self.apply(self.refund_fact(refund, state))
        return self.refunds(order)[0]

    def back_line(self, fact: Fact, refund: Refund, **changes: Any) -> BillLine:
        """What the provider's bill says of a refund."""
        line = BillLine(
            "refund",
            fact.number,
            refund.number,
            fact.transaction_id or "",
            refund.amount,
            0,
            refund.created_at,
            "SUCCESS",
        )
        return replace(line, **changes)

    # --- days ------------------------------------------------------------------------------------------------------------

    def work(self) -> None:
        """Do all jobs that are due, and those that become due by that."""
        for _ in range(60):
            if not self.run_jobs():
                return
        raise AssertionError(f"does not come to rest: {self.waiting()}")

    def until(self, when: datetime) -> None:
        """Let time go on, and do what is due on the way."""
        for _ in range(500):
            self.work()
            due = [time_ for time_ in self.waiting().values() if time_ <= when]
            if not due:
                break
            self.clock.set(max(self.clock(), min(due)))
        self.clock.set(max(self.clock(), when))
        self.work()

    def bill_day(self, lines: Iterable[BillLine], day: date = DAY, *, mark: str = "") -> Day:
        """The provider bills a day; time goes on until it is compared. A day without lines is asked about twice."""
        self.alipay.bills[day] = bill_of(lines, mark=mark)
        self.until(at(date.fromordinal(day.toordinal() + 1), 9 if self.alipay.bills[day].lines else 13))
        return self.day(day)

    def bystander(self, day: date = DAY) -> BillLine:
        """What a bill says of a payment of that day about which everybody agrees, so that the bill is not empty."""
        return paid_line(self.come(when=at(day, 12)))

    def fetch_again(self, day: date = DAY) -> None:
        """Staff want the bill once more."""
        staff.fetch_again(self.database, "alipay", day.isoformat())

    def day(self, day: date = DAY, provider: str = "alipay") -> Day:
        with self.database.reading() as conn:
            found = store.bill(conn, provider, day)
        assert found is not None
        return found

    def differences(self, day: date = DAY, state: str | None = None) -> list[Difference]:
        with self.database.reading() as conn:
            return differences.list_differences(conn, "alipay", day, state=state, after=None, limit=1000)

    def kinds(self, day: date = DAY, state: str | None = None) -> list[tuple[str, str]]:
        """Kind and state of each difference of a day."""
        return sorted((one.kind, one.state) for one in self.differences(day, state))

    def sources(self) -> list[str]:
        """Where the facts came from."""
        with self.database.reading() as conn:
            return list(conn.execute(sa.select(facts.c.source).order_by(facts.c.recorded_at)).scalars())

    def check_day(self, day: date = DAY) -> None:
        """Invariant 9: by count and sum, bill and books differ by what stands of the differences, and by nothing else.

        The watchdog, which looks at lines, must find the same.
        """
        with self.database.reading() as conn:
            assert list(bills_and_books_agree(conn, Scope(self.clock(), timedelta(minutes=10), {}))) == []
            assert differences.unexplained(conn, "alipay", day) == {"payment": Sum(), "refund": Sum()}
