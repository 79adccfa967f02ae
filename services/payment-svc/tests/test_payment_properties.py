"""For any history, the books are right; for any order and repetition of what a provider says, they are the same."""

import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import Any, Literal

from common.messages import PaymentMoved
from hypothesis import given, settings
from hypothesis import strategies as st
from payment_svc.providers import (
    Abnormal,
    Absent,
    Closed,
    Failed,
    Heard,
    Paid,
    Processing,
    Refunded,
    Reversed,
    Unknown,
    Unpaid,
)
from payment_svc.store import intents as store
from payment_svc.usecases.outcomes import apply_outcome, apply_refund_outcome
from payment_world import CASHIER, FEE, OPERATOR, PATIENT, START, WINDOW, World

QUIET = settings(max_examples=30, deadline=None)


@cache
def empty_database() -> Path:
    """A migrated database to copy: migrating anew for every example would take most of the time."""
    file = Path(tempfile.mkdtemp()) / "empty.db"
    World(f"sqlite:///{file}").database.close()
    return file


@contextmanager
def fresh_world() -> Iterator[World]:
    with tempfile.TemporaryDirectory() as folder:
        shutil.copy(empty_database(), f"{folder}/payment.db")
        world = World(f"sqlite:///{folder}/payment.db")
        try:
            yield world
        finally:
            world.database.close()


def refund_outcomes() -> st.SearchStrategy[Any]:
    return st.sampled_from([Refunded(START), Failed("no"), Abnormal("dead card"), Processing(), Unknown("?"), Absent()])


def close_outcomes() -> st.SearchStrategy[Any]:
    return st.sampled_from([Closed(), Unpaid(), Unknown("?"), Absent(), Failed("no")])


def cancelled(trade: Any) -> Reversed:
    """A cancel that found the trade paid, and gave the money back."""
    return Reversed(Paid(f"t-{trade.number}", FEE, START), START)


STEPS = st.one_of(
    st.tuples(st.just("start"), st.none(), st.none()),
    st.tuples(st.just("paid"), st.integers(0, 2), st.sampled_from([FEE, FEE, FEE, 1, FEE * 2])),
    st.tuples(st.just("ended"), st.integers(0, 2), st.sampled_from(["failed", "closed"])),
    st.tuples(st.just("refund_fact"), st.integers(0, 3), st.sampled_from(["succeeded", "failed", "abnormal"])),
    st.tuples(st.just("went"), st.integers(0, 3), st.sampled_from([1, FEE - 1, FEE + 1])),
    st.tuples(st.just("called"), st.integers(0, 2), st.sampled_from(["twice", "reversed"])),
    st.tuples(st.just("close"), st.none(), st.none()),
    st.tuples(st.just("ask_refund"), st.none(), st.none()),
    st.tuples(st.just("retry"), st.integers(0, 3), st.none()),
    st.tuples(st.just("to_card"), st.integers(0, 3), refund_outcomes()),
    st.tuples(st.just("jobs"), close_outcomes(), refund_outcomes()),
    st.tuples(st.just("cancel"), st.none(), refund_outcomes()),
)
CARD = {"bank": "ICBC_DEBIT", "number": "6222021001122334455", "holder": "Li"}


def take_step(world: World, order: str, payments: list[dict[str, Any]], step: tuple[str, Any, Any]) -> None:
    """One thing happens. What cannot happen (a refund of what was not paid) does not."""
    what, which, how = step
    if what == "start" and world.intent(order).state == "open" and world.clock() < START + WINDOW:
        payments.append(world.pay_by(order, key=f"key-{len(payments)}"))
    elif what == "paid" and which < len(payments):
        world.apply(world.paid(payments[which], amount=how, transaction=f"t-{payments[which]['id']}-{how}"))
    elif what == "ended" and which < len(payments):
        world.apply(world.ended(payments[which], how))
    elif what == "refund_fact" and which < len(world.refunds(order)):
        world.apply(world.refund_fact(world.refunds(order)[which], how))
    elif what == "went" and which < len(world.refunds(order)):
        world.apply(replace(world.refund_fact(world.refunds(order)[which], "succeeded"), amount=how))
    elif what == "called" and which < len(payments):
        attempt = world.attempt(payments[which]["id"])
        said = Paid(f"t-{attempt.number}", FEE, START)
        heard = Heard(
            f"n-{attempt.number}", "payment", attempt.number, said if how == "twice" else Reversed(said, START)
        )
        for _ in range(2):
            assert world.call_back(heard).status_code == 200
    elif what == "cancel":
        world.scripted.say |= {"close": Unknown("?"), "query": Unpaid(), "refund": how, "query_refund": how}
        for _ in range(8):
            world.clock.advance(timedelta(minutes=1))
            world.run_jobs()
    elif what == "to_card" and which < len(world.refunds(order)):
        world.scripted.say["to_card"] = how
        world.post(f"/refunds/{world.refunds(order)[which].id}/to-card", CARD, headers=CASHIER)
    elif what == "close":
        world.close(order)
    elif what == "ask_refund" and world.intent(order).state == "paid":
        world.ask_refund(order)
    elif what == "retry" and which < len(world.refunds(order)):
        world.post(f"/refunds/{world.refunds(order)[which].id}/retry", headers=OPERATOR)
    elif what == "jobs":
        world.scripted.say |= {"close": which, "refund": how, "query_refund": how}
        world.run_jobs()


@QUIET
@given(st.lists(STEPS, max_size=25))
def test_whatever_happens_the_books_are_right(steps: Sequence[tuple[str, Any, Any]]) -> None:
    with fresh_world() as world:
        world.scripted.say["cancel"] = cancelled
        order = world.request()
        payments = [world.pay_by(order)]
        for step in steps:
            take_step(world, order, payments, step)
            world.check_books()
        world.scripted.say |= {
            "close": Closed(),
            "query": Closed(),
            "refund": Refunded(START),
            "query_refund": Refunded(START),
        }
        world.settle()
        world.check_books()
        assert world.figures()["intents"][order]["live_attempts"] == 0
        assert world.figures()["intents"][order]["refunding"] == 0
        assert world.intent(order).state != "closing"
        assert not world.database.parked()


PAID = st.sampled_from(["paid", "failed", "closed", "wrong amount", "paid twice", "reversed"])
BACK = st.lists(st.sampled_from(["succeeded", "failed", "abnormal"]), max_size=3)
Told = tuple[Literal["payment", "refund"], str, Any]
"""What a provider says of a number."""


def say(world: World, payment: dict[str, Any], what: str) -> list[Told]:
    """What a provider tells of one attempt."""
    number = world.attempt(payment["id"]).number
    paid = Paid(f"txn-{number}", FEE, START)
    outcomes: dict[str, list[Any]] = {
        "paid": [paid],
        "failed": [Failed("declined")],
        "closed": [Closed()],
        "wrong amount": [replace(paid, amount=FEE + 1)],
        "paid twice": [paid, replace(paid, transaction_id=f"second-{number}")],
        "reversed": [paid, Reversed(paid, START)],
    }
    return [("payment", number, outcome) for outcome in outcomes[what]]


def hear(world: World, told: Sequence[Told], called: bool) -> None:
    """By callbacks, where a repetition has the id of the first; or by answers."""
    for kind, number, outcome in told:
        if called:
            assert world.call_back(Heard(f"{number}-{outcome}", kind, number, outcome)).status_code == 200
            continue
        with world.database.transaction() as tx:
            (apply_outcome if kind == "payment" else apply_refund_outcome)(tx, "alipay", number, outcome, "query")


@QUIET
@given(
    said=st.lists(PAID, min_size=3, max_size=3),
    back=BACK,
    closing=st.booleans(),
    called=st.booleans(),
    shuffle=st.randoms(use_true_random=False),
)
def test_any_order_and_repetition_of_the_facts_ends_the_same(
    said: list[str], back: list[str], closing: bool, called: bool, shuffle: Any
) -> None:
    def ends(world: World, arrange: Callable[[list[Told]], list[Told]], *, by_callback: bool) -> tuple[Any, ...]:
        order = world.request()
        payments = [world.pay_by(order, key=str(n)) for n in range(3)]
        if closing:
            world.close(order)
        for payment, what in zip(payments, said, strict=True):
            if what == "reversed":  # we are cancelling it: else nobody reverses
                with world.database.transaction() as tx:
                    store.mark_cancelled(tx, payment["id"])
        told = [each for payment, what in zip(payments, said, strict=True) for each in say(world, payment, what)]
        hear(world, arrange(told), by_callback)
        if world.intent(order).state == "paid":
            world.ask_refund(order)
        outcomes = {"succeeded": Refunded(START), "failed": Failed("no"), "abnormal": Abnormal("dead card")}
        refunds = world.refunds(order)
        hear(world, arrange([("refund", r.number, outcomes[what]) for r in refunds for what in back]), by_callback)
        world.check_books()
        figures = world.figures()["intents"][order]
        states = [world.attempt(p["id"]).state for p in payments]
        gone = sorted((r.amount, r.purpose, r.state) for r in world.refunds(order))
        return figures["state"], figures["captured"], figures["refunded"], states, gone, world.balances_of(order)

    def disorder(told: list[Told]) -> list[Told]:
        repeated = told + (shuffle.choices(told, k=4) if told else [])
        shuffle.shuffle(repeated)
        return repeated

    with fresh_world() as world:
        world.scripted.say |= {"close": Unknown("?")}
        plain = ends(world, lambda told: told, by_callback=False)
        assert plain == ends(world, disorder, by_callback=called)


def test_paid_is_an_outcome_that_closing_may_meet() -> None:
    """The closing provider says paid, while a callback says so too: one payment."""
    with fresh_world() as world:
        order = world.request()
        payment = world.pay_by(order)
        world.scripted.say["close"] = lambda trade: Paid(f"txn-{trade.number}", FEE, START)
        world.close(order)
        world.settle()
        world.apply(world.paid(payment))
        assert world.intent(order).state == "paid"
        assert world.balances() == {"clearing:alipay": FEE, "order_payable": -FEE}


# --- two orders, and money that moves between them ---------------------------------------------------------------------

ORDERS = ("ord_a", "ord_b")
ONE = st.sampled_from(ORDERS)
ABOUT_TWO = st.one_of(
    st.tuples(st.just("request"), ONE, st.sampled_from([2000, FEE])),
    st.tuples(st.just("pay"), ONE, st.sampled_from(["alipay", "window"])),
    st.tuples(st.just("late"), st.integers(0, 3), st.none()),
    st.tuples(st.just("move"), ONE, st.sampled_from([0, 1, 2000, FEE, 7000])),
    st.tuples(st.just("move"), ONE, st.sampled_from([2000, FEE])),
    st.tuples(st.just("refund"), ONE, st.none()),
    st.tuples(st.just("close"), ONE, st.none()),
    st.tuples(st.just("refund_fact"), st.integers(0, 4), st.sampled_from(["succeeded", "failed"])),
    st.tuples(st.just("retry"), st.integers(0, 4), st.none()),
    st.tuples(st.just("pay_out"), st.integers(0, 4), st.none()),
    st.tuples(st.just("jobs"), close_outcomes(), refund_outcomes()),
)


def take_step_of_two(world: World, step: tuple[str, Any, Any]) -> None:
    """One thing happens; what booking-svc would never ask for is parked."""
    what, which, how = step
    if what == "request":
        world.request(order_id=which, amount=how)
    elif what == "pay":
        if world.get(f"/payments?order_id={which}", headers=OPERATOR).get_json()["items"]:
            return
        started = world.post(f"/orders/{which}/payments", {"method": how}, headers=PATIENT)
        if started.status_code == 201 and how == "alipay":
            world.apply(world.paid(started.get_json(), amount=started.get_json()["amount"]["amount"]))
        elif started.status_code == 201:
            world.post(f"/payments/{started.get_json()['id']}/receipt", headers=CASHIER)
    elif what == "late":
        with world.database.reading() as conn:
            payments = [a for order in ORDERS for a in store.attempts_of(conn, order) if a.method == "alipay"]
        if payments:
            payment = payments[which % len(payments)]
            world.apply(world.paid({"id": payment.id}, amount=payment.amount, transaction=f"late-{payment.id}-{which}"))
    elif what == "move":
        world.move(next(order for order in ORDERS if order != which), which, how)
    elif what == "refund":
        world.ask_refund(which)
    elif what == "close":
        world.close(which)
    elif what == "jobs":
        world.scripted.say |= {"close": which, "refund": how, "query_refund": how}
        world.run_jobs()
    elif which < len(world.refunds()):
        refund = sorted(world.refunds(), key=lambda r: r.id)[which]
        if what == "refund_fact":
            world.apply(world.refund_fact(refund, how))
        else:
            path = {"retry": "retry", "pay_out": "paid-out"}[what]
            world.post(f"/refunds/{refund.id}/{path}", headers=CASHIER)


def check_moves(world: World) -> None:
    """Every move is answered alike, and what is kept for both orders is what came and did not go back."""
    answers: dict[str, set[Any]] = {}
    for answer in world.told(PaymentMoved):
        answers.setdefault(answer.from_order_id, set()).add(answer)
    assert all(len(alike) == 1 for alike in answers.values())
    for order in ORDERS:
        settling = sum(t.amount for t in world.tenders(order) if t.settles)
        back = sum(t.returned for t in world.tenders(order))
        came = world.figures()["intents"].get(order)
        if came:
            assert settling + back == came["captured"] + came["moved_in"] - came["moved_out"]
            assert not settling or came["state"] == "paid"
            assert not settling or settling == came["counted"]


DIFFERENCE = (("request", "ord_b", 2000), ("pay", "ord_b", "window"), ("refund", "ord_b", None))
BEGINNINGS = st.integers(0, len(DIFFERENCE)).map(lambda n: DIFFERENCE[:n])


@QUIET
@given(BEGINNINGS, st.lists(ABOUT_TWO, min_size=8, max_size=20))
def test_whatever_happens_to_two_orders_the_books_are_right(
    beginning: Sequence[tuple[str, Any, Any]], steps: Sequence[tuple[str, Any, Any]]
) -> None:
    """The first order is paid; the second is unheard of, owes a difference, has paid it, or gets it back."""
    with fresh_world() as world:
        world.request(order_id="ord_a")
        world.pay("ord_a")
        for step in (*beginning, *steps):
            take_step_of_two(world, step)
            world.check_books()
            check_moves(world)
        done = Refunded(START)
        world.scripted.say |= {"close": Closed(), "query": Closed(), "refund": done, "query_refund": done}
        world.settle()
        for refund in world.refunds(state="processing"):  # at the counter
            world.post(f"/refunds/{refund.id}/paid-out", headers=CASHIER)
        check_moves(world)
        if not world.balances().get("suspense"):
            world.check_rest()
        else:
            world.check_books()
        reasons = [p.reason for p in world.database.parked()]
        assert all(reason.startswith("InvalidMessage") for reason in reasons), reasons
