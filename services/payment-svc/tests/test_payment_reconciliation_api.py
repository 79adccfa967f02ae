"""Reconciliation over HTTP: what operators see, explain and have fetched again."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from bills_world import DAY, NEXT, BillsWorld, at, bill_of, paid_line
from common.testing import HOSTILE_TEXTS, assert_bad_input_is_refused, assert_problem
from payment_svc.api.reconciliations import DayOut, DaysOut, DifferenceOut, SheetOut
from payment_world import CASHIER, FEE, OPERATOR, PATIENT, REGISTRAR

DAY_PATH = "/reconciliations/alipay/2026-11-22"


@pytest.fixture
def world(tmp_path: Path) -> Iterator[BillsWorld]:
    made = BillsWorld(f"sqlite:///{tmp_path}/payment.db")
    yield made
    made.database.close()


def get(world: BillsWorld, path: str) -> Any:
    answer = world.get(path, headers=OPERATOR)
    assert answer.status_code == 200, answer.get_json(force=True)
    return answer.get_json()


def with_differences(world: BillsWorld) -> list[str]:
    """A day with three of them; answers their ids."""
    facts = [world.come() for _ in range(3)]
    world.bill_day([paid_line(fact, amount=FEE + n + 1, fee=400) for n, fact in enumerate(facts)])
    return [one.id for one in world.differences()]


def explain_path(difference: str, day: str = DAY_PATH) -> str:
    return f"{day}/differences/{difference}/explain"


def test_days_newest_first_in_pages(world: BillsWorld) -> None:
    with_differences(world)
    world.until(at(NEXT, 9))
    world.bill_day([], NEXT)
    page = get(world, "/reconciliations?limit=1")
    assert [(one["day"], one["state"]) for one in page["items"]] == [("2026-11-23", "closed")]
    rest = get(world, f"/reconciliations?limit=1&cursor={page['next_cursor']}")
    assert [(one["day"], one["state"], one["open_differences"]) for one in rest["items"]] == [("2026-11-22", "open", 3)]
    assert rest["next_cursor"] is None
    assert DaysOut().validate(rest) == {}
    assert [one["day"] for one in get(world, "/reconciliations?state=open")["items"]] == ["2026-11-22"]
    assert len(get(world, "/reconciliations?provider=alipay")["items"]) == 2
    assert get(world, "/reconciliations?provider=wechat")["items"] == []


def test_a_day_with_both_sides(world: BillsWorld) -> None:
    with_differences(world)
    sheet = get(world, DAY_PATH)
    assert SheetOut().validate(sheet) == {}
    assert sheet["bill"]["payment"] == {"count": 3, "amount": {"amount": 3 * FEE + 6, "currency": "CNY"}}
    assert sheet["books"]["payment"] == {"count": 3, "amount": {"amount": 3 * FEE, "currency": "CNY"}}
    assert sheet["standing"]["payment"] == {"count": 0, "amount": {"amount": 6, "currency": "CNY"}}
    assert (
        sheet["bill"]["refund"] == sheet["books"]["refund"] == {"count": 0, "amount": {"amount": 0, "currency": "CNY"}}
    )
    assert (sheet["fee_thousandths"], sheet["fee"]["amount"]) == (1200, 1)
    assert len(sheet["digest"]) == 64
    one = sheet["differences"][0]
    assert (one["kind"], one["state"], one["ours"]["amount"]) == ("amount_mismatch", "open", FEE)
    assert one["evidence"]["bill"]["amount"] == one["theirs"]["amount"]
    assert one["evidence"]["books"]["amount"] == FEE
    first = get(world, f"{DAY_PATH}?limit=2&state=open")
    rest = get(world, f"{DAY_PATH}?limit=2&state=open&cursor={first['next_cursor']}")
    assert len({one["id"] for one in (*first["differences"], *rest["differences"])}) == 3
    assert get(world, f"{DAY_PATH}?state=settled")["differences"] == []


def test_the_last_explanation_closes_the_day(world: BillsWorld) -> None:
    *others, last = with_differences(world)
    for difference in others:
        answer = world.post(explain_path(difference), {"note": "Alipay's case 4711"}, headers=OPERATOR)
        assert (answer.status_code, answer.get_json()["state"]) == (200, "explained")
    assert world.day().state == "open"
    for _ in range(2):
        answer = world.post(explain_path(last), {"note": "the same"}, headers=OPERATOR)
        assert DifferenceOut().validate(answer.get_json()) == {}
        assert (answer.get_json()["note"], answer.get_json()["closed_by"]) == ("the same", "acc_operator")
        assert world.day().state == "closed"
    assert_problem(world.post(explain_path(last), {"note": "another"}, headers=OPERATOR), 409, "difference_explained")
    world.check_day()
    world.until(at(NEXT, 23))
    assert {one.state for one in world.differences()} == {"explained"}


def test_what_was_explained_stays_so_unless_the_bill_says_otherwise(world: BillsWorld) -> None:
    fact = world.come()
    world.bill_day([paid_line(fact, amount=1)])
    (difference,) = world.differences()
    assert world.post(explain_path(difference.id), {"note": "known"}, headers=OPERATOR).status_code == 200
    for amount, state in ((1, "closed"), (2, "open"), (FEE, "closed")):
        world.alipay.bills[DAY] = bill_of([paid_line(fact, amount=amount)], mark=str(amount))
        assert world.post(f"{DAY_PATH}/fetch", headers=OPERATOR).status_code == 202
        world.work()
        assert world.day().state == state, amount
    (difference,) = world.differences()
    assert difference.state == "settled"
    assert_problem(world.post(explain_path(difference.id), {"note": "x"}, headers=OPERATOR), 409, "difference_settled")


def test_a_bill_is_fetched_again(world: BillsWorld) -> None:
    fact, other = world.come(), world.bystander()
    world.bill_day([other])
    assert world.day().state == "open"
    world.alipay.bills[DAY] = bill_of([paid_line(fact), other])
    answer = world.post(f"{DAY_PATH}/fetch", headers=OPERATOR | {"Idempotency-Key": "once"})
    assert (answer.status_code, answer.headers["Location"]) == (202, f"/api/v1{DAY_PATH}")
    assert DayOut().validate(answer.get_json()) == {}
    world.work()
    assert (world.day().state, world.kinds()) == ("closed", [("missing_in_bill", "settled")])


def test_only_operators_see_the_money_of_all_hospitals(world: BillsWorld) -> None:
    (difference, *_) = with_differences(world)
    for headers in (PATIENT, CASHIER, REGISTRAR):
        assert_problem(world.get("/reconciliations", headers=headers), 403)
        assert_problem(world.get(DAY_PATH, headers=headers), 403)
        assert_problem(world.post(f"{DAY_PATH}/fetch", headers=headers), 403)
        assert_problem(world.post(explain_path(difference), {"note": "x"}, headers=headers), 403)
    assert_problem(world.get("/reconciliations", headers={}), 401)


def test_bad_input(world: BillsWorld) -> None:
    (difference, *_) = with_differences(world)
    for query, field in (
        ("provider=Alipay", "provider"),
        ("provider=a%00b", "provider"),
        ("state=half", "state"),
        ("limit=0", "limit"),
        ("limit=x", "limit"),
        ("cursor=!", "cursor"),
        ("cursor=WzEsMl0", "cursor"),
        ("cursor=WyJ4IiwgInkiXQ", "cursor"),
        ("more=1", "more"),
    ):
        assert_problem(world.get(f"/reconciliations?{query}", headers=OPERATOR), 422, field=field)
    for query, field in (("state=half", "state"), ("limit=201", "limit"), ("cursor=WyJ4Il0", "cursor"), ("x=1", "x")):
        assert_problem(world.get(f"{DAY_PATH}?{query}", headers=OPERATOR), 422, field=field)
    for day in ("2026-13-01", "20261122", "2026-W47-7", "today", "2026-11-22T00:00", "x" * 3000):
        assert world.get(f"/reconciliations/alipay/{day}", headers=OPERATOR).status_code == 422
        assert world.post(f"/reconciliations/alipay/{day}/fetch", headers=OPERATOR).status_code == 422
    assert_problem(world.get("/reconciliations/alipay/2026-11-21", headers=OPERATOR), 404, "reconciliation_not_found")
    assert_problem(world.get("/reconciliations/none/2026-11-22", headers=OPERATOR), 404, "reconciliation_not_found")
    assert_problem(world.post(f"{DAY_PATH}/fetch", {"why": 1}, headers=OPERATOR), 422, field="why")
    body = {"note": "a reason"}
    assert_problem(world.post(explain_path("dif_none"), body, headers=OPERATOR), 404, "difference_not_found")
    other_day = explain_path(difference, "/reconciliations/alipay/2026-11-21")
    assert_problem(world.post(other_day, body, headers=OPERATOR), 404, "reconciliation_not_found")
    for note in ("", "x" * 501, 7, None, "\x00"):
        assert_problem(world.post(explain_path(difference), {"note": note}, headers=OPERATOR), 422, field="note")
    for text in HOSTILE_TEXTS[3:6]:
        assert world.get(f"/reconciliations/{text}/{text}", headers=OPERATOR).status_code < 500
    assert_bad_input_is_refused(world.client, f"/api/v1{explain_path(difference)}", body, OPERATOR, skip=["note"])
