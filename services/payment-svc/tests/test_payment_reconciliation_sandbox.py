"""Days of both providers, as they bill them: the adapters, the payment sandbox and its planned differences, over HTTP."""

import json
from collections.abc import Iterator
from datetime import datetime, time, timedelta
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import pytest
from bills_world import BillsWorld
from common.clock import SHANGHAI
from common.messages import PaymentSucceeded
from payment_sandbox.server import Server
from payment_svc.app import Settings, build
from payment_svc.domain import Attempt
from payment_svc.store import bills as store
from payment_svc.store import differences
from payment_svc.store.bills import Day, Sum
from payment_world import FEE

NOON = time(12)
NOWHERE = "http://127.0.0.1:9"


class Rig:
    """A merchant and her providers, at noon of some day. Nobody hears callbacks."""

    def __init__(self, folder: Path, provider: str) -> None:
        self.provider = provider
        self.server = Server(folder / "sandbox", port=0, url="")
        self.server.start()
        self.world = BillsWorld(f"sqlite:///{folder}/payment.db")
        addresses = {"wechat_url": self.server.url, "alipay_url": f"{self.server.url}/gateway.do"}
        settings = Settings(app_env="test", database_url=self.world.url, callback_url=NOWHERE, **addresses)
        made = build(settings).parts.providers[provider]
        self.world.service.parts.providers.clear()
        self.world.service.parts.providers[provider] = made
        there = datetime.fromisoformat(self.control("clock")["now"])
        self.day = there.astimezone(SHANGHAI).date() + timedelta(days=1)
        self.world.clock.set(there)
        self.go_to(datetime.combine(self.day, NOON, SHANGHAI))

    def stop(self) -> None:
        self.world.database.close()
        self.server.stop()

    def control(self, path: str, said: Any = None) -> Any:
        body = None if said is None else json.dumps(said).encode()
        with urlopen(Request(f"{self.server.url}/_ctl/{path}", body, {"Content-Type": "application/json"})) as answer:
            return json.load(answer)

    def go_to(self, when: datetime) -> None:
        self.control("clock", {"advance": (when - self.world.clock()).total_seconds()})
        self.world.clock.set(when)

    def paid(self) -> Attempt:
        """A payer pays; we do not know it."""
        world = self.world
        attempt = world.attempt(world.pay_by(world.request(), self.provider)["id"])
        self.control(f"trades/{self.provider}/{attempt.number}/pay", {})
        return attempt

    def heard(self) -> Attempt:
        """The same, and a query tells us."""
        attempt = self.paid()
        self.world.clock.advance(timedelta(seconds=5))
        self.world.run_jobs()
        assert self.world.attempt(attempt.id).state == "succeeded"
        return attempt

    def plan(self, *changes: dict[str, Any]) -> None:
        self.control(f"bills/{self.provider}/{self.day}", {"changes": list(changes)})

    def next_day(self) -> Day:
        """Time goes on without us until the bill can be had."""
        self.go_to(datetime.combine(self.day + timedelta(days=1), time(10, 1), SHANGHAI))
        return self.reconcile()

    def reconcile(self) -> Day:
        """What is due of it now is done."""
        for _ in range(20):
            due = [timer for timer in self.world.due() if timer.kind in {"reconcile", "bill"}]
            for timer in due:
                self.world.service.jobs[timer.kind](self.world.service, timer)
            if not due:
                break
        return self.billed()

    def billed(self) -> Day:
        with self.world.database.reading() as conn:
            found = store.bill(conn, self.provider, self.day)
            stands = differences.unexplained(conn, self.provider, self.day)
        assert found is not None
        assert found.state == "waiting" or stands == {"payment": Sum(), "refund": Sum()}
        return found

    def found(self) -> dict[tuple[str, str], str]:
        """State of each difference, by kind and number."""
        with self.world.database.reading() as conn:
            rows = differences.list_differences(conn, self.provider, self.day, state=None, after=None, limit=100)
        return {(row.kind, row.refund_number or row.number): row.state for row in rows}


@pytest.fixture(params=["alipay", "wechat"])
def rig(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Rig]:
    made = Rig(tmp_path, request.param)
    yield made
    made.stop()


def test_a_day_as_it_is_billed_is_closed(rig: Rig) -> None:
    kept, back = rig.heard(), rig.heard()
    rig.world.ask_refund(back.order_id)
    rig.world.run_jobs()
    unheard = rig.paid()
    assert rig.next_day().state == "closed"
    assert rig.found() == {("local_not_paid", unheard.number): "settled"}
    paid = {message.order_id for message in rig.world.told(PaymentSucceeded)}
    assert paid == {one.order_id for one in (kept, back, unheard)}
    fee = rig.billed().fee_posted or 0
    assert fee > 0
    rig.world.run_jobs()  # WeChat's refund was accepted on that day, which the bill says, and is done by now
    books = rig.control("books")[rig.provider]
    owed = books["taken_in"] - books["given_back"]
    assert (books["taken_in"], books["given_back"]) == (3 * FEE, FEE)
    assert rig.world.balances()[f"clearing:{rig.provider}"] == owed - fee


def test_planned_differences_are_what_is_found(rig: Rig) -> None:
    dropped, wrong, right = rig.heard(), rig.heard(), rig.heard()
    rig.world.ask_refund(right.order_id)
    rig.world.run_jobs()
    (refund,) = rig.world.refunds(right.order_id)
    rig.plan(
        {"do": "columns"},
        {"do": "drop", "number": dropped.number},
        {"do": "amount", "number": wrong.number, "amount": FEE + 1},
        {"do": "drop", "refund_number": refund.number},
        {"do": "add", "number": "NOTOURS1", "amount": 700},
    )
    assert rig.next_day().state == "open"
    assert rig.found() == {
        ("missing_in_bill", dropped.number): "open",
        ("amount_mismatch", wrong.number): "open",
        ("refund_missing", refund.number): "open",
        ("missing_local", "NOTOURS1"): "open",
    }
    assert rig.world.balances()["suspense"] == -700


@pytest.mark.parametrize("damage", ["truncate", "summary"])
def test_a_bill_that_is_not_to_be_believed_is_asked_for_again(rig: Rig, damage: str) -> None:
    rig.heard()
    rig.plan({"do": damage})
    day = rig.next_day()
    assert (day.state, bool(day.reason)) == ("waiting", True)
    with urlopen(Request(f"{rig.server.url}/_ctl/bills/{rig.provider}/{rig.day}", method="DELETE")):
        pass
    rig.go_to(rig.world.clock() + timedelta(minutes=30))
    assert rig.reconcile().state == "closed"
