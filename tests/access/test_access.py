"""Who may call what: table.txt against the routes that there are, and each of its cells over HTTP."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import pytest
from access_world import ENDLESS, Given, more
from attack_world import STAFF, World
from common.testing import assert_problem

from docs.generators import routes
from docs.generators.access import CALLERS, EACH, Row, plain, rows, table
from docs.generators.services import build_all, build_audit

TABLE = table()

NOTHING_TO_SHOW = {
    "/api/v1/reconciliations/{provider}/{day}",
    "/api/v1/sessions/{session_id}/draw",
    "/api/v1/sessions/{session_id}/draw/receipt",
    "/api/v1/notifications/unsubscribe",
    "/api/v1/visits/{visit_id}/wait",
    "/docs/assets/{name}",
}
"""Days without a bill, sessions without a draw, links and files that nobody was told of: 404, or 422. Visits of another day: 409."""

WITHOUT_IDS = {"/api/v1/notifications/preferences", "/api/v1/ledger/balances", *ENDLESS}
"""Answers in which no id says whose they are."""


def ids(row: Row) -> str:
    return f"{row.method} {row.path}"


def each(wanted: Iterable[Row]) -> Any:
    return pytest.mark.parametrize("row", [pytest.param(row, id=ids(row)) for row in wanted])


# --- the table and the code ------------------------------------------------------------------------------------------


def declared() -> list[Row]:
    """The routes that there are, as the table writes them."""
    found = {}
    for service in (*build_all(), build_audit()):
        for r in routes.of(service):
            name = EACH if r.rule in routes.UNROUTED else r.service
            may = frozenset() if r.access is None else r.access or frozenset(CALLERS)
            row = Row(name, r.method, plain(r.rule), may, "", "")
            found[row.service, row.method, row.path] = row
    return list(found.values())


def differences(written: Sequence[Row], there: Sequence[Row]) -> list[str]:
    """What the table says otherwise than the code."""
    said = {(r.service, r.method, r.path): r.may for r in written}
    done = {(r.service, r.method, r.path): r.may for r in there}
    found = [f"{' '.join(key)}: no such route" for key in said.keys() - done.keys()]
    found += [f"{' '.join(key)}: not in the table" for key in done.keys() - said.keys()]
    found += [
        f"{' '.join(key)}: the table and the code differ about {', '.join(sorted(said[key] ^ done[key]))}"
        for key in said.keys() & done.keys()
        if said[key] != done[key]
    ]
    return sorted(found)


def test_the_table_says_what_the_code_does() -> None:
    assert differences(TABLE, declared()) == []
    assert len(TABLE) == len({(r.service, r.method, r.path) for r in TABLE}), "a route stands there twice"
    assert len(TABLE) > 100


def test_each_kind_of_difference_is_found() -> None:
    one = Row("user-svc", "GET", "/a", frozenset({"patient"}), "-", "-")
    assert differences([one], []) == ["user-svc GET /a: no such route"]
    assert differences([], [one]) == ["user-svc GET /a: not in the table"]
    wider = Row("user-svc", "GET", "/a", frozenset({"patient", "cashier"}), "-", "-")
    assert differences([one], [wider]) == ["user-svc GET /a: the table and the code differ about cashier"]
    for line in ("  GET /a + + + + + + - -", "  GET /a + + + + + + x - -", "  GET /a + + + + + + + - 500"):
        with pytest.raises(ValueError, match="cannot be read"):
            list(rows(line))


def test_the_table_keeps_the_rules_of_roles() -> None:
    for row in TABLE:
        assert "nobody" not in row.may or len(row.may) == len(CALLERS), f"{ids(row)}: public, but not to all"
        assert "registrar" not in row.may or "hospital_admin" in row.may, f"{ids(row)}: administrators may it too"
        if not row.may <= {"operator", *CALLERS[:1]} and "nobody" not in row.may:
            assert (row.person, row.hospital) != ("-", "-"), f"{ids(row)}: what of another's?"
        assert "{" not in row.path or "own" not in {row.person, row.hospital}, f"{ids(row)}: an id names something"


# --- the world -------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def given(world: World) -> Iterator[Given]:
    """The world. Whatever is tried in it: in the end she has what she had, and so has the hospital."""
    made = more(world)
    before = made.looks()
    yield made
    assert made.looks() == before


# --- each cell -------------------------------------------------------------------------------------------------------


@each(row for row in TABLE if len(row.may) < len(CALLERS))
def test_the_others_are_refused(given: Given, row: Row) -> None:
    for caller in (*CALLERS, "root"):
        if caller == "nobody":
            assert_problem(given.call(row, caller), 401, "unauthenticated")
        elif caller not in row.may:
            assert_problem(given.call(row, caller), 403, "wrong_role")


@each(TABLE)
def test_those_who_may_are_let_in(given: Given, row: Row) -> None:
    """Acts with ids of nothing and empty bodies; looking with real ones, and somebody sees something."""
    looking, seen = row.method == "GET", set()
    for caller in sorted(row.may):
        who = caller if caller != "patient" else "alice" if looking else "mallory"
        answer = given.call(row, who, real=looking, query="" if who == "nobody" else given.queries(row))
        assert answer.status_code not in {401, 403}, (caller, answer.get_data(as_text=True))
        assert answer.status_code < 500, (caller, answer.get_data(as_text=True))
        seen.add(answer.status_code)
    assert not looking or 200 in seen or row.path in NOTHING_TO_SHOW, seen


@each(row for row in TABLE if row.person in {"404", "422"})
def test_another_persons_things_are_not_there(given: Given, row: Row) -> None:
    body, query = given.bodies(row), given.queries(row)
    for who in ("mallory", "there", "nowhere"):
        answer = assert_problem(given.call(row, who, body=body, query=query), int(row.person))
        if "{" in row.path and not query:
            assert answer == given.call(row, who, real=False, body=body).get_json(), "nobody learns what there is"


@each(row for row in TABLE if row.hospital in {"403", "404"})
def test_another_hospitals_things_are_refused(given: Given, row: Row) -> None:
    code = "other_hospital" if row.hospital == "403" else None
    assert_problem(given.call(row, "there", body=given.bodies(row), query=given.queries(row)), int(row.hospital), code)
    nowhere = given.call(row, "nowhere", body=given.bodies(row), query=given.queries(row))
    assert nowhere.status_code in {403, 404}, "staff of no hospital have none that is theirs"


@each(row for row in TABLE if row.method == "GET" and row.person == "own" and row.path not in WITHOUT_IDS)
def test_all_see_their_own(given: Given, row: Row) -> None:
    known = given.known
    hers = [known[name] for name in ("alice", "order_id", "patient_id", "payment_id", "notification_id", "login_id")]
    assert named(given, row, "alice", hers), "or else nothing would be tried"
    for who in ("mallory", "there", "nowhere"):
        assert not named(given, row, who, hers)


@each(row for row in TABLE if row.method == "GET" and row.hospital == "own")
def test_staff_see_their_own_hospital(given: Given, row: Row) -> None:
    known = given.known
    theirs = [known[name] for name in ("hospital_id", "order_id", "refund_id", "mark_id", "boss_here")]
    if row.path in WITHOUT_IDS:
        theirs = ["amount"]
    role = next(role for role in STAFF if role in row.may)
    assert named(given, row, role, theirs), "or else nothing would be tried"
    assert not named(given, row, "there", theirs)
    assert not named(given, row, "nowhere", theirs)


def named(given: Given, row: Row, who: str, wanted: Sequence[str]) -> list[str]:
    """Which of these stand in the answer."""
    text = given.call(row, who, query=given.queries(row)).get_data(as_text=True)
    return [each for each in wanted if each in text]
