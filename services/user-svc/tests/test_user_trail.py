"""The trail: append-only, one chain, every change of it shows; who may read it, and that reading is noted."""

import re
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import sqlalchemy as sa
from common.clock import ManualClock
from common.outbox import Timer
from common.service import Service
from credit_world import ZHANG
from sqlalchemy.exc import DBAPIError
from trail_world import KEY, bare, chained, noted, unguarded
from user_svc.app import Settings, build
from user_svc.chain import first_fault, link
from user_svc.store import tables
from user_svc.store import trail as rows
from user_svc.usecases import chain
from user_world import CHEAP, PASSWORD, Person, join

COPY = "INSERT INTO trail (id, at, act, network, facts) SELECT {0}, at, act, network, facts FROM trail WHERE id = {1}"


@pytest.fixture
def service(tmp_path: Path, clock: ManualClock) -> Iterator[Service]:
    made = bare(tmp_path, clock)
    yield made
    made.database.close()


def run(service: Service, payload: dict[str, Any] | None = None) -> dict[str, Any]:
    """The job runs once; what it knows then."""
    chain.keep_chain(service, Timer(chain.CHAIN, "", service.database.clock(), payload or {}))
    with service.database.transaction() as tx:
        timers = tx.conn.execute(sa.text("SELECT payload FROM timers WHERE kind = 'trail'"))
        return dict(sa.JSON().result_processor(tx.conn.dialect, None)(timers.scalar_one()))  # type: ignore[misc]


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


def waits_for_another(service: Service) -> None:
    """While somebody chains, the next one reads nothing yet: what she read might have its place when she writes."""
    waiting = sa.text("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted")
    with ThreadPoolExecutor(1) as pool, service.database.transaction() as tx:
        rows.lock_chain(tx)
        second = pool.submit(chain.chain, service.database, KEY)
        deadline = time.monotonic() + 30
        while not tx.conn.execute(waiting).scalar_one():
            assert time.monotonic() < deadline
            assert not second.done()
            time.sleep(0.01)
        assert rows.looseness(tx.conn)[0] == 1


@pytest.mark.stack
def test_the_same_on_postgresql(postgres_url: str, clock: ManualClock, monkeypatch: pytest.MonkeyPatch) -> None:
    service = build(Settings(database_url=postgres_url, **CHEAP), clock)
    service.migrate()
    one_chain(service, monkeypatch)
    noted(service, 1)
    waits_for_another(service)
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
    assert (service.figures()["trail"]["length"], fault_of(service)) == (121, None)
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


def test_a_row_of_another_history_does_not_fit(service: Service) -> None:
    """Of a copy that was restored and went on, under the same key: genuine, and at its place, but not after these."""
    chained(service, 3)
    with service.database.reading() as conn:
        before, row = rows.digest_at(conn, 2), rows.chain_head(conn)
    other = SimpleNamespace(**{**row._mapping, "facts": '{"number":7}'})
    digest = link(KEY, before or "", 3, other)
    chained(service, 2)
    unguarded(service.database, f"UPDATE trail SET facts = '{other.facts}', digest = '{digest}' WHERE place = 3")
    assert str(fault_of(service)).startswith("place 4: ")


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
