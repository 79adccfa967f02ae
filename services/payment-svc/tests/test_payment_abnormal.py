"""Refunds that cannot reach the payer the way they came: staff hear of it, name a card, and it arrives after all."""

from typing import Any

import pytest
from common.messages import MoneyAlarmRaised, RefundFailed, RefundSucceeded
from common.testing import assert_bad_input_is_refused, assert_problem
from payment_svc.api import schemas
from payment_svc.domain import Refund
from payment_svc.providers import Abnormal, Absent, Card, Failed, Heard, Processing, Refunded, Unknown
from payment_svc.usecases import counter
from payment_world import ACCOUNT, CASHIER, FEE, OPERATOR, OTHER_CASHIER, PATIENT, START, World, paid_by, taken
from structlog.testing import CapturingLogger

DEAD = Abnormal("ABNORMAL")
CARD = {"bank": "ICBC_DEBIT", "number": "6222021001122334455", "holder": "李四"}


def stuck(world: World) -> tuple[str, Refund]:
    """An order whose refund has become abnormal."""
    order = paid_by(world)
    world.scripted.say |= {"refund": Processing(), "query_refund": DEAD}
    world.ask_refund(order)
    turn(world, 2)
    (refund,) = world.refunds(order)
    assert refund.state == "abnormal"
    return order, refund


def turn(world: World, times: int = 1) -> None:
    """Let the next job run, so often."""
    for _ in range(times):
        world.clock.set(max(world.clock(), min(world.waiting().values())))
        world.run_jobs()


def to_card(world: World, refund: Refund, headers: Any = CASHIER) -> Any:
    return world.post(f"/refunds/{refund.id}/to-card", CARD, headers=headers)


def now(world: World, refund: Refund) -> Refund:
    return next(r for r in world.refunds() if r.id == refund.id)


def test_it_is_told_once_and_stays_in_flight(world: World) -> None:
    order, refund = stuck(world)
    turn(world, 5)
    assert world.told() == [RefundFailed(order, ACCOUNT, refund.id, FEE, "order", "ABNORMAL")]
    assert [(m.kind, refund.id in m.about) for m in world.told(MoneyAlarmRaised)] == [("refund_abnormal", True)]
    assert world.balances() == {"clearing:alipay": FEE, "refund_in_flight": -FEE}
    assert world.figures()["intents"][order]["refunding"] == FEE
    assert world.scripted.calls().count("refund") == 1
    (shown,) = world.get("/refunds?state=abnormal", headers=CASHIER).get_json()["items"]
    assert (shown["id"], shown["failure"]) == (refund.id, "ABNORMAL")
    assert schemas.RefundOut().validate(shown) == {}
    world.ask_refund(order)
    assert len(world.told(RefundFailed)) == 2
    world.check_books()


@pytest.fixture
def logged(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What the counter writes into the log."""
    logger = CapturingLogger()
    monkeypatch.setattr(counter, "log", logger)
    return logger.calls


def test_who_sent_it_to_a_card_stays_in_the_log_and_the_card_does_not(world: World, logged: list[Any]) -> None:
    _, refund = stuck(world)
    world.scripted.say["to_card"] = RuntimeError("the process dies")
    assert to_card(world, refund).status_code == 500
    (line,) = logged
    assert (line.args, line.kwargs) == (("refund_to_card",), {"by": "acc_cashier", "refund_id": refund.id})


def test_who_issued_a_refund_again_stays_in_the_log(world: World, logged: list[Any]) -> None:
    order = paid_by(world)
    world.scripted.say["refund"] = Failed("no")
    world.ask_refund(order)
    world.run_jobs()
    (refund,) = world.refunds(order)
    again = world.post(f"/refunds/{refund.id}/retry", headers=OPERATOR).get_json()["id"]
    world.post(f"/refunds/{refund.id}/retry", headers=CASHIER)  # refused: nothing was done
    (line,) = logged
    about = {"by": "acc_operator", "refund_id": refund.id, "retried_as": again}
    assert (line.args, line.kwargs) == (("refund_retried",), about)


def test_the_console_may_settle_it(world: World) -> None:
    order, refund = stuck(world)
    world.take_told()
    world.scripted.say["query_refund"] = Refunded(START, FEE)
    world.settle()
    assert world.told() == [RefundSucceeded(order, ACCOUNT, refund.id, FEE, "order", "alipay", "cancelled")]
    assert world.balances() == {}
    world.check_rest()


def test_it_goes_to_a_card(world: World) -> None:
    _, refund = stuck(world)
    answer = to_card(world, refund)
    assert (answer.status_code, answer.get_json()["state"]) == (202, "processing")
    (said,) = [about for call, about in world.scripted.asked if call == "to_card"]
    assert (said[0].number, said[1]) == (refund.number, Card(**CARD))
    world.scripted.say["query_refund"] = Refunded(START, FEE)
    world.settle()
    assert now(world, refund).state == "succeeded"
    world.check_rest()


@pytest.mark.parametrize("answered", [Processing(), Unknown("timeout")], ids=["accepted", "unknown"])
def test_a_card_that_is_dead_too_is_news(world: World, answered: Any) -> None:
    """Staff see it again and name another one; booking-svc has heard that it waits, and hears no more of it."""
    _, refund = stuck(world)
    world.scripted.say["to_card"] = answered
    for tries in (1, 2):
        assert to_card(world, refund).get_json()["state"] == "processing"
        turn(world)
        assert now(world, refund).state == "abnormal"
        assert len(world.told(MoneyAlarmRaised)) == 1 + tries
    assert len(world.told(RefundFailed)) == 1
    world.scripted.say["to_card"] = Refunded(START, FEE)
    assert to_card(world, refund).get_json()["state"] == "succeeded"
    world.settle()
    world.check_rest()


@pytest.mark.parametrize("refusal", [Failed("NOT_SUPPORTED"), Abnormal("PARAM_ERROR"), Absent()])
def test_a_card_that_the_provider_does_not_take_changes_nothing(world: World, refusal: Any) -> None:
    _, refund = stuck(world)
    world.scripted.say["to_card"] = refusal
    problem = assert_problem(to_card(world, refund), 409, "card_refused")
    assert problem["reason"] == getattr(refusal, "reason", "")
    assert now(world, refund).state == "abnormal"
    assert len(world.told(MoneyAlarmRaised)) == 1


def test_it_may_be_closed_in_the_end_and_is_issued_anew(world: World) -> None:
    _, refund = stuck(world)
    world.scripted.say["query_refund"] = Failed("CLOSED")
    world.settle()
    assert now(world, refund).state == "failed"
    assert len(world.told(RefundFailed)) == 1
    assert world.balances() == {"clearing:alipay": FEE, "order_payable": -FEE}
    again = world.post(f"/refunds/{refund.id}/retry", headers=CASHIER).get_json()
    assert again["number"] != refund.number
    world.scripted.say["refund"] = Refunded(START, FEE)
    world.settle()
    assert world.balances() == {}
    world.check_rest()


def test_what_staff_may_do_with_it(world: World) -> None:
    _, refund = stuck(world)
    for way in ("retry", "paid-out"):
        assert_problem(world.post(f"/refunds/{refund.id}/{way}", headers=CASHIER), 409, "refund_abnormal")
    assert_problem(to_card(world, refund, OTHER_CASHIER), 403, "other_hospital")
    assert_problem(to_card(world, refund, OPERATOR), 403, "wrong_role")
    assert_problem(to_card(world, refund, PATIENT), 403, "wrong_role")
    assert_problem(world.post("/refunds/rfd_none/to-card", CARD, headers=CASHIER), 404, "refund_not_found")
    world.service.parts.providers.pop("alipay")
    assert_problem(to_card(world, refund), 409, "provider_missing")


def test_refunds_that_need_no_card(world: World) -> None:
    def refused(refund: Refund, code: str) -> None:
        assert_problem(to_card(world, refund), 409, code)

    world.scripted.say["refund"] = [Processing(), Failed("no"), Refunded(START)]
    for code in ("refund_in_progress", "refund_refused", "refund_succeeded"):
        order = paid_by(world)
        world.ask_refund(order)
        world.run_jobs()
        refused(world.refunds(order)[0], code)
    cash, _ = taken(world)
    world.ask_refund(cash)
    world.run_jobs()
    refused(world.refunds(cash)[0], "refund_in_progress")


def test_the_card_is_neither_kept_nor_logged(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    _, refund = stuck(world)
    world.scripted.say["to_card"] = RuntimeError("a bug")
    assert_problem(to_card(world, refund), 500)
    world.scripted.say["to_card"] = Failed("PARAM_ERROR")
    refused = to_card(world, refund)
    bad = world.post(f"/refunds/{refund.id}/to-card", CARD | {"bank": "?"}, headers=CASHIER)
    assert_problem(bad, 422, field="bank")
    with world.database.reading() as conn:
        kept = "\n".join(conn.connection.driver_connection.iterdump())  # type: ignore[union-attr]
    seen = (
        "".join(capsys.readouterr())
        + kept
        + refused.get_data(as_text=True)
        + bad.get_data(as_text=True)
        + repr(Card(**CARD))
    )
    assert refund.id in kept
    for secret in (CARD["number"], CARD["holder"]):
        assert secret not in seen
        assert secret.encode("unicode_escape").decode() not in seen


def test_bad_cards(world: World) -> None:
    _, refund = stuck(world)
    assert_bad_input_is_refused(world.client, f"/api/v1/refunds/{refund.id}/to-card", CARD, CASHIER, skip=["holder"])
    for number in ("1234567", "6222 0210 0112", "x" * 16, "1" * 33):
        wrong = world.post(f"/refunds/{refund.id}/to-card", CARD | {"number": number}, headers=CASHIER)
        assert_problem(wrong, 422, field="number")


def test_it_is_called_back_before_anybody_answers(world: World) -> None:
    """Its own answer, `processing`, comes after it and does not hide it."""
    order = paid_by(world)

    def dead_at_once(asked: Any) -> Processing:
        world.call_back(Heard("n-1", "refund", asked.number, DEAD))
        return Processing()

    world.scripted.say |= {"refund": dead_at_once, "query_refund": Absent()}
    world.ask_refund(order)
    turn(world, 4)
    (refund,) = world.refunds(order)
    assert refund.state == "abnormal"
    assert world.scripted.calls().count("refund") == 1  # it is there, whatever a query says
    world.call_back(Heard("n-2", "refund", refund.number, Refunded(START, FEE)))
    world.call_back(Heard("n-3", "refund", refund.number, DEAD))
    assert now(world, refund).state == "succeeded"
    world.settle()
    world.check_rest()
