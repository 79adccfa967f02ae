"""The trail: append-only, one chain, every change of it shows; who may read it, and that reading is noted."""

import re
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from common.clock import ManualClock
from common.outbox import Database, Timer
from common.service import Service
from common.testing import assert_problem, bearer
from common.vault import decode_key
from credit_world import ZHANG
from sqlalchemy.exc import DBAPIError
from user_svc import trail_check
from user_svc.api.trail import ActsOut, TrailStateOut
from user_svc.app import Settings, build
from user_svc.chain import first_fault
from user_svc.settings import DEV_TRAIL_KEY
from user_svc.store import tables
from user_svc.usecases import chain, trail
from user_world import CHEAP, PASSWORD, Person, join

KEY = decode_key(DEV_TRAIL_KEY)
OPERATOR = "acc_operator"
COPY = "INSERT INTO trail (id, at, act, network, facts) SELECT {0}, at, act, network, facts FROM trail WHERE id = {1}"


@pytest.fixture
def service(tmp_path: Path, clock: ManualClock) -> Iterator[Service]:
    """Without an account, so that nothing is noted but by the tests."""
    made = build(Settings(database_url=f"sqlite:///{tmp_path}/user.db", **CHEAP), clock)
    made.migrate()
    yield made
    made.database.close()


@pytest.fixture
def operator(service: Service) -> Person:
    token = bearer(OPERATOR, "operator")["Authorization"].removeprefix("Bearer ")
    return Person(service, "operator", OPERATOR, {"access_token": token})


def noted(service: Service, count: int, act: str = "logged_in", **more: Any) -> None:
    with service.database.transaction() as tx:
        for number in range(count):
            trail.note(tx, act, actor="acc_1", about="acc_1", number=number, **more)


def chained(service: Service, count: int) -> None:
    noted(service, count)
    chain.chain(service.database, KEY)


def run(service: Service, payload: dict[str, Any] | None = None) -> dict[str, Any]:
    """The job runs once; what it knows then."""
    chain.keep_chain(service, Timer(chain.CHAIN, "", service.database.clock(), payload or {}))
    with service.database.transaction() as tx:
        timers = tx.conn.execute(sa.text("SELECT payload FROM timers WHERE kind = 'trail'"))
        return dict(sa.JSON().result_processor(tx.conn.dialect, None)(timers.scalar_one()))  # type: ignore[misc]


def unguarded(database: Database, *statements: str) -> None:
    """As somebody changes the trail who may do everything in the database."""
    with database.transaction() as tx:
        for name in tx.conn.execute(sa.text("SELECT name FROM sqlite_master WHERE type = 'trigger'")).scalars().all():
            tx.conn.exec_driver_sql(f"DROP TRIGGER {name}")
        for statement in statements:
            tx.conn.exec_driver_sql(statement)


def fault_of(service: Service, **more: Any) -> str | None:
    with service.database.reading() as conn:
        fault = first_fault(conn, KEY, **more)
    return str(fault) if fault else None


# --- append-only -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM trail",
        "UPDATE trail SET facts = '{}'",
        "UPDATE trail SET actor = NULL",
        "UPDATE trail SET place = NULL, digest = NULL",
        "UPDATE trail SET place = place + 100",
        "UPDATE trail SET digest = 'x'",
    ],
)
def test_the_database_refuses_to_change_what_is_chained(service: Service, statement: str) -> None:
    chained(service, 2)
    with pytest.raises(DBAPIError, match="append-only"), service.database.transaction() as tx:
        tx.conn.exec_driver_sql(statement)


def test_the_database_refuses_to_change_what_is_loose(service: Service) -> None:
    noted(service, 1)
    for statement in ("DELETE FROM trail", "UPDATE trail SET act = 'x', place = 1, digest = 'y'"):
        with pytest.raises(DBAPIError, match="append-only"), service.database.transaction() as tx:
            tx.conn.exec_driver_sql(statement)


def test_no_code_changes_or_deletes_a_row_but_for_its_place() -> None:
    package = Path(tables.__file__).parent.parent
    changing = re.compile(r"sa\.(update|delete)\((?:\w+\.)?trail\)|(UPDATE|DELETE FROM|TRUNCATE) trail\b")
    found = [
        (path.name, match.group(0))
        for path in sorted(package.rglob("*.py"))
        if "versions" not in path.parts
        for match in changing.finditer(path.read_text(encoding="utf-8"))
    ]
    assert found == [("trail.py", "sa.update(trail)")]


def test_nothing_personal_stands_in_it(service: Service) -> None:
    alice = join(service, "alice", phone="13812345678")
    patient = alice.call("POST", "/users/me/patients", ZHANG).get_json()["id"]
    for name in ("alice", "alice@example.com", "13812345678"):
        Person(service).call("POST", "/tokens", {"username": name, "password": "wrong horse battery"})
    for method, path, body in (
        ("POST", "/users/me/password", {"old_password": PASSWORD, "new_password": PASSWORD + "!"}),
        ("POST", "/users/me/export", {"password": PASSWORD + "!"}),
        ("DELETE", f"/users/me/patients/{patient}", None),
        ("POST", "/users/me/delete", {"password": PASSWORD + "!"}),
    ):
        assert alice.call(method, path, body).status_code in {200, 204}, path
    with service.database.reading() as conn:
        said = conn.execute(sa.select(tables.trail)).all()
    assert {"login_failed", "password_changed", "data_exported", "account_deleted"} <= {row.act for row in said}
    for word in ("alice", "example.com", "138", *ZHANG.values(), "张", "127.0.0.1"):
        assert word not in "\n".join(f"{row.facts} {row.network}" for row in said), word


# --- one chain -------------------------------------------------------------------------------------------------------


def test_what_is_noted_is_chained_in_batches_and_said_in_the_log(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(chain, "BATCH", 4)
    heads = []
    monkeypatch.setattr(chain.log, "info", lambda event, **said: heads.append((event, said["length"], said["head"])))
    noted(service, 10)
    run(service)
    state = chain.state(service.database)
    assert (state.length, state.loose, state.loose_seconds) == (10, 0, None)
    assert [(event, length) for event, length, _ in heads] == [("trail_chained", length) for length in (4, 8, 10)]
    assert heads[-1][2] == state.head
    assert fault_of(service) is None


def at_once(service: Service, workers: int) -> None:
    with ThreadPoolExecutor(workers) as pool:
        for done in [pool.submit(chain.chain, service.database, KEY) for _ in range(workers)]:
            done.result()


def one_chain(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chain, "BATCH", 5)
    for _ in range(3):
        noted(service, 40)
        at_once(service, 4)
    assert (chain.state(service.database).length, fault_of(service)) == (120, None)


def test_four_workers_at_once_make_one_chain(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    one_chain(service, monkeypatch)


@pytest.mark.stack
def test_the_same_on_postgresql(postgres_url: str, clock: ManualClock, monkeypatch: pytest.MonkeyPatch) -> None:
    service = build(Settings(database_url=postgres_url, **CHEAP), clock)
    service.migrate()
    one_chain(service, monkeypatch)
    noted(service, 1)
    for statement in (
        "DELETE FROM trail",
        "TRUNCATE trail",
        "UPDATE trail SET facts = '{}'",
        "UPDATE trail SET act = 'x', place = 500, digest = 'y' WHERE place IS NULL",
        "UPDATE trail SET place = NULL, digest = NULL WHERE place = 3",
    ):
        with pytest.raises(DBAPIError, match="append-only"), service.database.transaction() as tx:
            tx.conn.exec_driver_sql(statement)
    assert (service.figures()["trail"]["length"], fault_of(service)) == (120, None)
    service.database.close()


# --- what shows ------------------------------------------------------------------------------------------------------

SPARE = "UPDATE trail SET place = -place WHERE place IN (3, 4)"
TAMPERING: dict[str, tuple[Sequence[str], str]] = {
    "changed": (["UPDATE trail SET facts = '{\"number\":9}' WHERE place = 3"], "place 3: is not what"),
    "another account": (["UPDATE trail SET actor = 'acc_2' WHERE place = 4"], "place 4: is not what"),
    "another time": (["UPDATE trail SET at = '2020-01-01 00:00:00.000000' WHERE place = 1"], "place 1: is not what"),
    "removed": (["DELETE FROM trail WHERE place = 2"], "place 2: is missing"),
    "removed and closed": (
        [
            "DELETE FROM trail WHERE place = 2",
            *(f"UPDATE trail SET place = {n - 1} WHERE place = {n}" for n in (3, 4, 5)),
        ],
        "place 2: is not what",
    ),
    "the first removed": (["DELETE FROM trail WHERE place = 1"], "place 1: is missing"),
    "inserted": (
        [
            *(f"UPDATE trail SET place = {n + 1} WHERE place = {n}" for n in (5, 4)),
            COPY.format(99, 1),
            "UPDATE trail SET place = 4, digest = 'ff' WHERE id = 99",
        ],
        "place 4: is not what",
    ),
    "appended": (
        [COPY.format(99, 1), "UPDATE trail SET place = 6, digest = 'ff' WHERE id = 99"],
        "place 6: is not what",
    ),
    "swapped": (
        [SPARE, "UPDATE trail SET place = 4 WHERE place = -3", "UPDATE trail SET place = 3 WHERE place = -4"],
        "place 3: is not what",
    ),
}


@pytest.mark.parametrize("how", TAMPERING)
def test_tampering_shows(service: Service, how: str) -> None:
    chained(service, 5)
    statements, said = TAMPERING[how]
    unguarded(service.database, *statements)
    found = fault_of(service)
    assert found is not None
    assert found.startswith(said), found
    assert service.figures()["trail"]["fault"] == found


def test_a_fault_is_found_across_pages_and_in_bounded_memory(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("user_svc.chain.PAGE", 3)
    chained(service, 10)
    assert fault_of(service) is None
    unguarded(service.database, "UPDATE trail SET network = '10.0.0.0/24' WHERE place = 7")
    assert str(fault_of(service)).startswith("place 7: ")
    assert fault_of(service, after=7) is None  # from there on it is as it was


def test_a_cut_off_end_shows_by_a_former_head(service: Service) -> None:
    chained(service, 5)
    before = chain.state(service.database).head
    chained(service, 3)
    assert fault_of(service, head=before) is None
    unguarded(service.database, "DELETE FROM trail WHERE place > 4")
    assert fault_of(service) is None
    assert "cut off" in str(fault_of(service, head=before))


def test_another_key_makes_another_chain(service: Service) -> None:
    chained(service, 2)
    with service.database.reading() as conn:
        assert first_fault(conn, bytes(32)) is not None


def test_the_job_says_what_was_cut_off_or_changed(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[Any] = []
    monkeypatch.setattr(chain.log, "error", lambda event, **more: said.append((event, more["place"])))
    monkeypatch.setattr(chain, "ROUND", 2)
    chained(service, 6)
    known = run(service)
    assert (known["head"][0], known["seen"], said) == (6, 2, [])
    unguarded(service.database, "UPDATE trail SET facts = '{}' WHERE place = 4", "DELETE FROM trail WHERE place > 5")
    known = run(service, known)
    assert said == [("trail_broken", 6), ("trail_broken", 4)]
    said.clear()
    for _ in range(2):  # to the end, and the round begins anew
        known = run(service, known)
    assert (known["seen"], said) == (0, [])


# --- reading it ------------------------------------------------------------------------------------------------------


def items(reader: Person, query: str = "") -> list[dict[str, Any]]:
    answer = reader.call("GET", f"/trail{query}")
    assert answer.status_code == 200, answer.get_data()
    assert ActsOut().validate(answer.get_json()) == {}
    found: list[dict[str, Any]] = answer.get_json()["items"]
    return found


def test_filters_and_pages(service: Service, operator: Person, clock: ManualClock) -> None:
    noted(service, 3)
    clock.advance(timedelta(hours=1))
    noon = clock().isoformat().replace("+00:00", "Z")
    with service.database.transaction() as tx:
        trail.note(tx, "roles_changed", actor="acc_2", about="acc_1")
        trail.note(tx, "roles_changed", actor="acc_2", about="acc_3")
    assert [a["act"] for a in items(operator, "?account_id=acc_1&act=roles_changed")] == ["roles_changed"]
    assert [a["about"] for a in items(operator, "?account_id=acc_2")] == ["acc_3", "acc_1"]
    assert [a["act"] for a in items(operator, f"?account_id=acc_1&from={noon}")] == ["trail_read", "roles_changed"]
    assert [a["facts"] for a in items(operator, f"?account_id=acc_1&act=logged_in&to={noon}")] == [
        {"number": n} for n in (2, 1, 0)
    ]
    first = operator.call("GET", "/trail?account_id=acc_1&act=logged_in&limit=2").get_json()
    rest = items(operator, f"?account_id=acc_1&act=logged_in&limit=2&cursor={first['next_cursor']}")
    assert [a["facts"]["number"] for a in [*first["items"], *rest]] == [2, 1, 0]


def test_reading_is_noted(service: Service, operator: Person) -> None:
    items(operator, "?account_id=acc_9&act=locked")
    (act, *_) = items(operator, "?act=trail_read")
    assert (act["actor"], act["about"], act["facts"]) == (operator.id, "acc_9", {"act": "locked"})
    assert act["network"] == "127.0.0.0/24"


def test_an_administrator_sees_the_own_hospital_only(service: Service, operator: Person) -> None:
    for hospital in ("hos_1", "hos_2", None):
        noted(service, 1, act="roles_changed", hospital_id=hospital)
    client, headers = service.app.test_client(), bearer("acc_boss", "hospital_admin", hospital_id="hos_1")
    found = client.get("/api/v1/trail", headers=headers).get_json()["items"]
    assert [a["hospital_id"] for a in found] == ["hos_1"]
    assert_problem(client.get("/api/v1/trail/state", headers=headers), 403)
    assert {a["hospital_id"] for a in items(operator, "?act=roles_changed")} == {"hos_1", "hos_2", None}


@pytest.mark.parametrize("role", ["patient", "doctor", "registrar", "cashier"])
def test_nobody_else_reads_it(service: Service, role: str) -> None:
    headers = bearer("acc_1", role, hospital_id="hos_1")
    for path in ("/trail", "/trail/state"):
        assert_problem(service.app.test_client().get(f"/api/v1{path}", headers=headers), 403)


@pytest.mark.parametrize(
    "query", ["from=x", "from=0001-01-01T00:00:00%2B14:00", "to=2026-01-01", "act=A%20B", "limit=0"]
)
def test_bad_queries(operator: Person, query: str) -> None:
    assert_problem(operator.call("GET", f"/trail?{query}"), 422)


def test_the_state(service: Service, operator: Person, clock: ManualClock) -> None:
    chained(service, 2)
    noted(service, 3)
    clock.advance(timedelta(seconds=90))
    shown = operator.call("GET", "/trail/state").get_json()
    assert TrailStateOut().validate(shown) == {}
    head = chain.state(service.database).head
    assert shown == {"length": shown["length"], "head": head, "loose": 3, "loose_seconds": 90.0}


# --- the command, and whence -----------------------------------------------------------------------------------------


def test_the_command(
    service: Service, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("DATABASE_URL", f"sqlite:///{tmp_path}/user.db")
    chained(service, 4)
    head = chain.state(service.database).head
    assert trail_check.main(["--head", head]) == 0
    assert head in capsys.readouterr().out
    unguarded(service.database, "DELETE FROM trail WHERE place = 3")
    assert trail_check.main([]) == 1
    assert "BROKEN place 3: is missing" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("203.0.113.9", "203.0.113.0/24"),
        ("::ffff:203.0.113.9", "203.0.113.0/24"),
        ("2001:db8:1:2::3", "2001:db8:1::/48"),
        ("fe80::1%eth0", "fe80::/48"),
        ("", ""),
        ("nowhere", ""),
    ],
)
def test_an_address_without_its_last_part(address: str, network: str) -> None:
    assert trail.network_of(address) == network


def test_the_request_says_whence(operator: Person) -> None:
    operator.call("GET", "/trail", **{"X-Real-IP": "2001:db8:7:8::9"})
    assert items(operator, "?act=trail_read")[0]["network"] == "2001:db8:7::/48"
