"""payment-svc on a clock that moves when told to, with hands for everybody who deals with it."""

import json
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import sqlalchemy as sa
from common import ids
from common.clock import ManualClock
from common.messages import ClosePayment, MoneyAlarmRaised, MovePayment, RefundPayment, RequestPayment
from common.outbox import Timer
from common.outbox.tables import timers
from common.testing import bearer, deliver, sent, take_sent
from payment_providers import Scripted, Vendor
from payment_svc.app import Settings, build
from payment_svc.domain import Attempt, Fact, Intent, Refund, Tender
from payment_svc.store import intents as store
from payment_svc.store import ledger, tenders, watch
from payment_svc.store import refunds as refund_store
from payment_svc.store.audit import audit_figures
from payment_svc.usecases import watchdog
from payment_svc.usecases.facts import apply_fact
from prometheus_client import REGISTRY
from werkzeug.test import TestResponse

START = datetime(2026, 11, 22, 8, 0, tzinfo=UTC)
WINDOW = timedelta(minutes=15)
FEE = 5000
ACCOUNT = "acc_patient"
HOSPITAL = "hos_1"
DESCRIPTION = "协和医院 · 内科 · 王医生"


@dataclass
class World:
    url: str
    clock: ManualClock = field(default_factory=lambda: ManualClock(START))

    def __post_init__(self) -> None:
        nobody = {"alipay_private_key": "none", "wechat_private_key": "none"}  # those below are no adapters
        settings = Settings(
            app_env="test",
            database_url=self.url,
            intent_wait=0.2,
            payment_methods="window",
            watchdog_minutes=0,
            **nobody,
        )
        self.service = build(settings, self.clock)
        self.database = self.service.database
        self.service.migrate()
        self.client = self.service.app.test_client()
        self.scripted = Scripted("qr", "page", "wap")
        self.wechat = Vendor(self.clock, "native", "jsapi", "h5")
        self.service.parts.providers.update(alipay=self.scripted, wechat=self.wechat)
        self.service.parts = replace(self.service.parts, methods=("alipay", "wechat", "window"))

    # --- booking-svc ---------------------------------------------------------------------------------------------------

    def request(self, *, amount: int = FEE, account: str = ACCOUNT, order_id: str = "") -> str:
        """An order that is to be paid; answers its id."""
        order_id = order_id or ids.mint("ord", account)
        deliver(self.service, self.request_message(order_id, amount=amount, account=account))
        return order_id

    def request_message(self, order_id: str, *, amount: int = FEE, account: str = ACCOUNT) -> RequestPayment:
        return RequestPayment(order_id, account, HOSPITAL, amount, DESCRIPTION, START + WINDOW)

    def close(self, order_id: str) -> None:
        deliver(self.service, ClosePayment(order_id))

    def ask_refund(self, order_id: str) -> None:
        deliver(self.service, RefundPayment(order_id, "cancelled by the patient"))

    def move_message(self, order_id: str, from_order_id: str, amount: int) -> MovePayment:
        return MovePayment(order_id, from_order_id, ACCOUNT, HOSPITAL, amount, DESCRIPTION)

    def move(self, order_id: str, from_order_id: str, amount: int) -> str:
        """The order takes the place of the other; answers its id."""
        deliver(self.service, self.move_message(order_id, from_order_id, amount))
        return order_id

    def told(self, kind: type | None = None) -> list[Any]:
        """What others were told; alarms only if they are asked for."""
        return [m for m in sent(self.database, kind) if kind or not isinstance(m, MoneyAlarmRaised)]

    def take_told(self) -> list[Any]:
        return [m for m in take_sent(self.database) if not isinstance(m, MoneyAlarmRaised)]

    # --- people ----------------------------------------------------------------------------------------------------------

    def post(self, path: str, body: Mapping[str, Any] | None = None, *, headers: Mapping[str, str]) -> TestResponse:
        return self.client.post(f"/api/v1{path}", json=dict(body or {}), headers=dict(headers))

    def get(self, path: str, *, headers: Mapping[str, str]) -> TestResponse:
        return self.client.get(f"/api/v1{path}", headers=dict(headers))

    def pay_by(self, order_id: str, method: str = "alipay", *, key: str = "") -> dict[str, Any]:
        """The patient starts a payment."""
        headers = PATIENT | ({"Idempotency-Key": key} if key else {})
        response = self.post(f"/orders/{order_id}/payments", {"method": method}, headers=headers)
        assert response.status_code == 201, response.get_json(force=True)
        answer: dict[str, Any] = response.get_json()
        return answer

    def pay(self, order_id: str, method: str = "alipay") -> dict[str, Any]:
        """The patient pays, and that is known."""
        payment = self.pay_by(order_id, method)
        if method == "window":
            assert self.post(f"/payments/{payment['id']}/receipt", headers=CASHIER).status_code == 200
        elif method == "wechat":
            self.press(payment)
        else:
            self.apply(self.paid(payment, amount=payment["amount"]["amount"]))
        return payment

    def call_back(self, heard: Any, provider: str = "alipay", *, body: bytes = b"said") -> TestResponse:
        """The provider calls back; `heard` is what its adapter makes of it."""
        self.service.parts.providers[provider].say["hear"] = heard
        return self.client.post(f"/api/v1/payments/notify/{provider}", data=body, content_type="text/plain")

    def press(self, payment: Mapping[str, Any], *, callback: bool = True) -> Any:
        """The payer of a WeChat payment pays, and WeChat calls back, or not; answers how its trade stands then."""
        number = self.attempt(payment["id"]).number
        stands = self.wechat.pay(number)
        if callback:
            body = {"id": f"notice-{number}", "number": number}
            assert self.client.post("/api/v1/payments/notify/wechat", json=body).status_code == 200
        return stands

    # --- the worker ------------------------------------------------------------------------------------------------------

    def due(self) -> list[Timer]:
        with self.database.reading() as conn:
            rows = conn.execute(
                sa.select(timers).where(timers.c.due_at <= self.clock()).order_by(timers.c.due_at)
            ).all()
        return [Timer(r.kind, r.key, r.due_at, json.loads(r.payload), r.attempts) for r in rows]

    def waiting(self) -> dict[tuple[str, str], datetime]:
        """When which job is due."""
        with self.database.reading() as conn:
            return {(r.kind, r.key): r.due_at for r in conn.execute(sa.select(timers))}

    def run_jobs(self) -> int:
        """Run what is due now, once."""
        due = self.due()
        for timer in due:
            self.service.jobs[timer.kind](self.service, timer)
        return len(due)

    def settle(self, *, rounds: int = 40) -> None:
        """Run jobs, moving the clock to when they are due, until none waits."""
        for _ in range(rounds):
            waiting = self.waiting()
            if not waiting:
                return
            self.clock.set(max(self.clock(), min(waiting.values())))
            self.run_jobs()
        raise AssertionError(f"does not come to rest: {self.waiting()}")

    # --- looking ---------------------------------------------------------------------------------------------------------

    def intent(self, order_id: str) -> Intent:
        with self.database.reading() as conn:
            found = store.intent(conn, order_id)
        assert found is not None
        return found

    def attempt(self, payment_id: str) -> Attempt:
        with self.database.reading() as conn:
            found = store.attempt(conn, payment_id)
        assert found is not None
        return found

    def refunds(self, order_id: str | None = None, state: str | None = None) -> list[Refund]:
        with self.database.reading() as conn:
            return list(
                refund_store.list_refunds(
                    conn, hospital_id=None, state=state, order_id=order_id, after=None, limit=1000
                )
            )

    def tenders(self, order_id: str) -> list[Tender]:
        """What settles, or settled, the order, oldest first."""
        with self.database.reading() as conn:
            return tenders.tenders_of(conn, [order_id]).get(order_id, [])

    def balances(self) -> dict[str, int]:
        """Fen per account, those that are not zero."""
        with self.database.reading() as conn:
            return {account: fen for account, fen in ledger.balances(conn).items() if fen}

    def balances_of(self, order_id: str) -> dict[str, int]:
        """The same, of one order's entries."""
        with self.database.reading() as conn:
            entries = ledger.entries(conn, hospital_id=None, order_id=order_id, after=None, limit=1000)
        totals: Counter[str] = Counter()
        for entry in entries:
            totals.update(dict(entry.lines))
        return {account: fen for account, fen in totals.items() if fen}

    def figures(self) -> dict[str, Any]:
        with self.database.reading() as conn:
            return audit_figures(conn)

    def broken(self) -> dict[str, list[watch.Offender]]:
        """What the watchdog finds in all there is, if it has all the patience of the world."""
        scope = watchdog.whole_scope(self.clock(), timedelta(days=365))
        with self.database.reading() as conn:
            return {name: found for name, found in watch.everything(conn, scope).items() if found}

    def check_books(self) -> None:
        """What must be true at any time. More may go back than came only if suspense holds the rest, for a person to see."""
        figures = self.figures()
        assert not figures["unbalanced"]
        assert not figures["captures_without_entry"]
        assert not figures["ledger_disagrees"]
        ledger_sum = sum(figures["ledger"].values())
        assert ledger_sum == 0
        assert figures["ledger"].get("order_transfer", 0) == 0
        broken = self.broken()
        if figures["ledger"].get("suspense", 0) > 0:
            broken.pop("no_more_goes_back_than_came", None)
        assert not broken
        for order_id, f in figures["intents"].items():
            allowed = f["captured"] + f["moved_in"] - f["moved_out"] + max(0, figures["ledger"].get("suspense", 0))
            assert 0 <= f["refunded"] + f["refunding"] <= allowed, (order_id, f)

    def check_rest(self) -> None:
        """What must be true when nothing is under way: what came is what is owed to hospitals, or it is back or with staff."""
        self.check_books()
        for order_id, f in self.figures()["intents"].items():
            assert not f["live_attempts"], (order_id, f)
            assert not f["refunding"], (order_id, f)
            kept = f["captured"] + f["moved_in"] - f["moved_out"] - f["refunded"] - f["refund_failed"]
            assert kept in ({f["counted"], 0} if f["counted"] else {0}), (order_id, f)
            assert f["state"] != "closing", order_id

    # --- providers -------------------------------------------------------------------------------------------------------

    def apply(self, fact: Fact) -> None:
        with self.database.transaction() as tx:
            apply_fact(tx, fact)

    def paid(self, payment: Mapping[str, Any], *, amount: int = FEE, transaction: str = "", **more: Any) -> Fact:
        """The fact that a payment of method alipay was paid."""
        attempt = self.attempt(payment["id"])
        return Fact(
            attempt.method,
            "payment",
            attempt.number,
            "succeeded",
            more.pop("source", "callback"),
            self.clock(),
            amount=amount,
            transaction_id=transaction or f"txn-{attempt.number}",
            **more,
        )

    def ended(self, payment: Mapping[str, Any], outcome: Any) -> Fact:
        attempt = self.attempt(payment["id"])
        reason = "declined" if outcome == "failed" else ""
        return Fact(attempt.method, "payment", attempt.number, outcome, "query", self.clock(), reason=reason)

    def refund_fact(self, refund: Refund, outcome: Any) -> Fact:
        amount = refund.amount if outcome == "succeeded" else 0
        return Fact(refund.provider, "refund", refund.number, outcome, "callback", self.clock(), amount=amount)


PATIENT = bearer(ACCOUNT, "patient")
STRANGER = bearer("acc_stranger", "patient")
CASHIER = bearer("acc_cashier", "patient", "cashier", hospital_id=HOSPITAL)
OTHER_CASHIER = bearer("acc_cashier_2", "patient", "cashier", hospital_id="hos_2")
REGISTRAR = bearer("acc_registrar", "patient", "registrar", hospital_id=HOSPITAL)
OPERATOR = bearer("acc_operator", "patient", "operator")

Make = Callable[[], World]


def at_the_counter(world: World) -> tuple[str, dict[str, Any]]:
    """An order, and its payment at the counter that waits for the receipt."""
    order = world.request()
    return order, world.pay_by(order, "window")


def taken(world: World) -> tuple[str, dict[str, Any]]:
    """An order that was paid at the counter."""
    order, payment = at_the_counter(world)
    assert world.post(f"/payments/{payment['id']}/receipt", headers=CASHIER).status_code == 200
    return order, payment


def paid_by(world: World, method: str = "alipay", *, amount: int = FEE) -> str:
    """An order that was paid; answers its id."""
    order = world.request(amount=amount)
    world.pay(order, method)
    world.take_told()
    return order


def two_tenders(world: World) -> tuple[str, str]:
    """An order dearer than the one that it replaces: 3000 were moved, 2000 were paid on top at the counter."""
    old = paid_by(world, amount=3000)
    new = world.request(amount=2000)
    world.pay(new, "window")
    world.clock.advance(timedelta(seconds=1))
    world.move(new, old, 3000)
    world.take_told()
    return old, new


def alarms(kind: str) -> float:
    """How often this alarm has been raised in this process."""
    return REGISTRY.get_sample_value("haoyuan_payment_alarms_total", {"kind": kind}) or 0.0


def kept(world: World, order: str) -> int:
    figures = world.figures()["intents"][order]
    return int(
        figures["captured"] + figures["moved_in"] - figures["moved_out"] - figures["refunded"] - figures["refunding"]
    )
