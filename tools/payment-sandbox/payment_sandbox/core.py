"""The sandbox itself: what both vendors do alike. It answers calls with the faults that are planned for them, takes payments in,
brings refunds to their ends, and has the merchant told.
"""

import json
import secrets
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, fields, replace
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any, Literal, cast

from flask import Response

from payment_sandbox.books import Books
from payment_sandbox.callbacks import XML, Attempt, Callbacks
from payment_sandbox.clock import Clock
from payment_sandbox.faults import FLAWS, Faults
from payment_sandbox.parts import BEFORE, Fault, Options, Refund, RefundState, Trade, Vendor

CALLS_KEPT = 100_000
PAYERS = {"wechat": "oHaoyuanSandboxPayer00000001", "alipay": "2088102000000001"}
"""Who pays if nobody is named."""
ENDS: Mapping[str, RefundState] = {"success": "success", "closed": "closed", "abnormal": "abnormal"}


class NotPossible(Exception):
    """What was asked for cannot be done with a trade or refund as it stands."""


class Cut(Response):
    """The answer that never comes: the server resets the connection."""

    def __call__(self, environ: Any, start_response: Any) -> Any:  # noqa: ARG002 - WSGI's signature
        raise ConnectionAbortedError("cut, as planned")


class Sandbox:
    """Everything in one directory. `stop()` is for good; another one may be made of the same directory then."""

    def __init__(self, directory: Path, vendors: Sequence[Vendor], url: str, speed: float | None = None) -> None:
        self.url = url.rstrip("/")
        self.vendors = {vendor.name: vendor for vendor in vendors}
        self.stopping = threading.Event()
        self.books = Books(directory)
        self.clock = Clock(self.books)
        if speed is not None:
            self.clock.set(speed=speed)
        self.faults = Faults(self.books)
        known = {field.name for field in fields(Options)}
        kept = self.books.note("options") or {}
        self.options = Options(**{name: value for name, value in kept.items() if name in known})
        self.callbacks = Callbacks(
            self, self.vendors, self.books, self.clock, self.faults, self.stopping, self._finish_refunds
        )

    def start(self) -> None:
        self.callbacks.start()

    def stop(self) -> None:
        """Waits for deliveries under way."""
        self.stopping.set()
        self.callbacks.stop()
        self.books.close()

    def now(self) -> datetime:
        return self.clock.now()

    # --- calls -------------------------------------------------------------------------------------------------------

    def serve(self, vendor: Vendor, call: str, number: str, work: Callable[[], tuple[int, bytes]]) -> Response:
        """See parts.Sandbox."""
        fault = self.faults.take(vendor.name, call, number)
        name = fault.name if fault else ""
        if fault and name == "delay":
            self.stopping.wait(fault.seconds)
        elif name in BEFORE:
            return self._troubled(vendor, call, number, name)
        told = ""
        with self.books.changing(), self._keeping_balance():
            status, body = work()
            if call == "create" and self.options.callback_before_answer:
                told = self._pay_at_once(vendor.name, number)
            if call == "refund":
                self.finish_refunds()
                self.callbacks.wake()  # who looks then when it will be due, if it is not
            broken = name in {"drop-after", "500-after"}
            self._record(vendor.name, call, number, None if broken else status, name)
        if told:
            self.callbacks.deliver_first(told)
        if broken:
            return Cut() if name == "drop-after" else vendor.error(name)
        return vendor.answer(status, body, name if name in FLAWS else None)

    @contextmanager
    def _keeping_balance(self) -> Iterator[None]:
        """What the merchant has left changes with the books, or not at all."""
        before = self.options.balance
        try:
            yield
        except BaseException:
            self.options.balance = before
            raise
        if self.options.balance != before:
            self.books.keep("options", asdict(self.options))

    def _troubled(self, vendor: Vendor, call: str, number: str, fault: str) -> Response:
        """Nothing has happened, and nothing is going to."""
        answer = Cut() if fault == "drop-before" else vendor.error(fault)
        self._record(vendor.name, call, number, None if isinstance(answer, Cut) else answer.status_code, fault)
        return answer

    def _pay_at_once(self, provider: str, number: str) -> str:
        """Somebody was quick. The id of the notice that the merchant is to have before her answer."""
        trade = self.books.trade(provider, number)
        if trade is None or not self.payable(trade):
            return ""
        self.pay(trade)
        return self.callbacks.last(provider, number, "paid")

    def _record(self, provider: str, call: str, number: str, status: int | None, fault: str) -> None:
        with self.books.changing():
            (row,) = self.books.run(
                'INSERT INTO calls (at, provider, "call", number, status, fault) VALUES (?, ?, ?, ?, ?, ?) RETURNING place',
                *(self.now().isoformat(), provider, call, number, status, fault),
            )
            self.books.run("DELETE FROM calls WHERE place <= ?", row["place"] - CALLS_KEPT)

    # --- trades ------------------------------------------------------------------------------------------------------

    def link(self, trade: Trade) -> str:
        return f"{self.url}/pay/{trade.token}"

    def payable(self, trade: Trade) -> bool:
        return trade.state == "unpaid" and self.now() < trade.expires_at

    def scan(self, trade: Trade) -> Trade:
        """The payer has seen it, if it can be paid still: an Alipay trade exists from then on."""
        with self.books.changing():
            found = self._current(trade)
            if self.payable(found) and not found.scanned:
                found = replace(found, scanned=True)
                self.books.set_trade(found)
            return found

    def pay(self, trade: Trade, payer: str = "") -> Trade:
        with self.books.changing():
            found = self._current(trade)
            if not self.payable(found):
                return found
            now = self.now()
            who = payer or found.payer or PAYERS.get(found.provider, "payer")
            identity = found.transaction_id or transaction_id(found.provider, now)
            paid = replace(found, state="paid", scanned=True, payer=who, transaction_id=identity, paid_at=now)
            self.books.set_trade(paid)
            self.notify(paid.provider, "paid", paid.number, paid.notify_url)
            return paid

    def _current(self, trade: Trade) -> Trade:
        found = self.books.trade(trade.provider, trade.number)
        if found is None:
            raise LookupError(trade.number)
        return found

    # --- refunds -----------------------------------------------------------------------------------------------------

    def finish_refunds(self) -> None:
        self._finish_refunds()

    def _finish_refunds(self) -> float | None:
        """As `finish_refunds`; answers when the next one will be due (seconds since 1970)."""
        end = ENDS.get(self.options.refund_outcome)
        if end is None:
            return None
        takes = timedelta(minutes=self.options.refund_minutes)
        with self.books.changing():
            now, later = self.now(), None
            for refund in self.books.refunds_under_way():
                due = refund.requested_at + takes
                if due <= now:
                    self._finish(refund, end)
                else:
                    later = min(later or due, due)
        return later.timestamp() if later else None

    def end_refund(self, refund: Refund, state: RefundState) -> Refund:
        """Bring a refund to its end, or an abnormal one to a better end. Raises NotPossible."""
        with self.books.changing():
            found = self.books.refund(refund.provider, refund.number) or refund
            if found.state in {"success", "closed"} or found.state == state:
                raise NotPossible(f"the refund is {found.state}")
            return self._finish(found, state)

    def _finish(self, refund: Refund, state: RefundState) -> Refund:
        done = replace(refund, state=state, done_at=self.now())
        self.books.set_refund(done)
        self.notify(done.provider, "refund", done.number, done.notify_url)
        return done

    # --- what the merchant is told -----------------------------------------------------------------------------------

    def notify(self, provider: str, event: Literal["paid", "refund"], number: str, url: str) -> None:
        self.callbacks.add(provider, event, number, url)

    def tell_in_xml(self, refund: Refund) -> Attempt:
        """WeChat's v2 notice of a refund, as for those that were made in the merchant's console: once, now."""
        with self.books.changing():
            trade = self.books.trade(refund.provider, refund.trade_number)
            url = refund.notify_url or (trade.notify_url if trade else "")
            told = self.callbacks.last(refund.provider, refund.number, "refund")
            identity = told or self.callbacks.add(refund.provider, "refund", refund.number, url, scheduled=False)
        if not identity:
            raise NotPossible("nobody is to be told: neither the refund nor its trade names an address")
        return self.callbacks.repeat(identity, fault=Fault(XML))[0]

    # --- control -----------------------------------------------------------------------------------------------------

    def set_options(self, changes: Mapping[str, Any]) -> None:
        """Names and values of `parts.Options`, of the right types; `more` is added to what is there."""
        for name, value in changes.items():
            setattr(self.options, name, {**self.options.more, **value} if name == "more" else value)
        self.books.keep("options", asdict(self.options))
        self.callbacks.wake()

    def release_callbacks(self, order: str, seed: int) -> list[Mapping[str, Any]]:
        """Deliver what was held back, in that order; hold nothing back any more."""
        released = self.callbacks.release(order, seed)
        self.set_options({"hold_callbacks": False})
        return released

    def set_clock(self, *, advance: float = 0.0, speed: float | None = None) -> None:
        self.clock.set(advance=advance, speed=speed)
        self.callbacks.wake()

    def bill_changes(self, provider: str, day: date) -> list[Mapping[str, Any]]:
        rows = self.books.run(
            "SELECT change FROM bill_changes WHERE provider = ? AND day = ? ORDER BY place", provider, day.isoformat()
        )
        return [cast(Mapping[str, Any], json.loads(row["change"])) for row in rows]

    def change_bill(self, provider: str, day: date, changes: Sequence[Mapping[str, Any]]) -> None:
        """Add differences to those that are planned for a bill."""
        with self.books.changing():
            for change in changes:
                self.books.run(
                    "INSERT INTO bill_changes (provider, day, change) VALUES (?, ?, ?)",
                    *(provider, day.isoformat(), json.dumps(change, ensure_ascii=False)),
                )

    def forget_bill(self, provider: str, day: date) -> None:
        """Plan no differences for it any more."""
        self.books.run("DELETE FROM bill_changes WHERE provider = ? AND day = ?", provider, day.isoformat())

    def reset(self) -> None:
        """Forget everything: books, plans, notices, options, and the time of its own."""
        with self.books.changing():
            self.books.clear()
            self.clock.forget()
            for field in fields(Options):
                setattr(self.options, field.name, getattr(Options(), field.name))
        self.callbacks.wake()


def transaction_id(provider: str, at: datetime) -> str:
    """A vendor's own number of a payment: 28 digits, which begin as theirs do."""
    start = f"4200001234{at:%Y%m%d}" if provider == "wechat" else f"{at:%Y%m%d}22001"
    return start + "".join(secrets.choice("0123456789") for _ in range(28 - len(start)))
