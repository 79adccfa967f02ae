"""What comes from outside and what leaves, without a broker: ids, batches, parking and its replay, rows, migrations."""

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import sqlalchemy as sa
from common import foreign as foreign_module
from common.broker import dlq
from common.broker.inprocess import InProcessBroker
from common.errors import Transient
from common.foreign import MAX_BYTES, Foreign, Intake, foreign
from common.outbox import Database, Relay, tables
from common.outbox.migrate import _chains, _upgrade
from common.processor import Processor
from common.testing import deliver_foreign, sent, sent_out
from delivery_rig import NOW, Party, placed, until
from foreign_rig import DESK, IN, OUT, QUEUE, desk, event
from hypothesis import given, settings
from hypothesis import strategies as st


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path}/desk.db"
        return
    postgres = request.getfixturevalue("servers").postgres
    yield postgres.add_database("foreign_desk")
    postgres.drop_database("foreign_desk")


@pytest.fixture
def party(url: str) -> Iterator[Party]:
    party = desk(url)
    yield party
    party.store.close()


def take(party: Party, *messages: Foreign) -> None:
    party.processor.take(QUEUE, messages)


def service(party: Party) -> Any:
    return SimpleNamespace(intakes=party.intakes, processor=party.processor, database=party.store)


# --- ids ---


def test_an_event_has_one_id_for_each_sender_and_source_however_it_is_written() -> None:
    mine = foreign(event("e1"), "renai.roster.x", "renai")
    assert foreign(event("e1", "written anew"), "renai.roster.x", "renai").id == mine.id
    assert foreign(event("e1"), "renai.roster.y").id == mine.id, "the key says who he is as well as the user does"
    others = [
        foreign(event("e1"), "renai.roster.x", "xiehe"),
        foreign(event("e1"), "xiehe.roster.x"),
        foreign(event("e1", source="/lab"), "renai.roster.x", "renai"),
        foreign(event("e2"), "renai.roster.x", "renai"),
    ]
    assert len({mine.id, *(m.id for m in others)}) == 1 + 3
    assert others[0].id == others[1].id


@pytest.mark.parametrize("body", [b"", b"\xff\xfe", b"[]", b'{"id": 7}', b'{"id": ""}', b'{"id": "\\ud800"}', b"{"])
def test_what_is_no_event_is_told_by_its_whole_body(body: bytes) -> None:
    assert foreign(body, "a.b").id == foreign(body, "a.b").id
    assert foreign(body, "a.b").id != foreign(body + b" ", "a.b").id
    assert foreign(body, "a.b").id != foreign(body, "c.b").id


@settings(max_examples=200)
@given(st.tuples(st.text(), st.text(), st.text()), st.tuples(st.text(), st.text(), st.text()))
def test_different_senders_sources_and_ids_never_share_an_id(a: Any, b: Any) -> None:
    def id_of(sender: str, source: str, id_: str) -> str:
        return foreign_module.foreign_id(event(id_ or "x", source=source), sender)

    a, b = ((x[0], x[1], x[2] or "x") for x in (a, b))
    assert (id_of(*a) == id_of(*b)) == (a == b)


@settings(max_examples=200)
@given(st.binary(max_size=200), st.text(), st.text(), st.text())
def test_nothing_from_outside_breaks_the_reading(body: bytes, key: str, user: str, kind: str) -> None:
    message = foreign(body, key, user, kind)
    for text in (message.id, message.routing_key, message.user_id, message.content_type):
        assert "\x00" not in text
        text.encode()


# --- taking ---


def test_each_event_takes_effect_once_and_is_answered_in_the_same_transaction(party: Party) -> None:
    batch = [foreign(event("e1"), "a.r", "a"), foreign(event("e2"), "a.r", "a"), foreign(event("e1"), "a.r", "a")]
    take(party, *batch)
    take(party, *batch)
    assert [subject for subject, _ in party.effects] == ["a", "a"]
    rows = sent_out(service(party), OUT)
    assert [(row.exchange, row.type, row.message_id) for row in rows] == [
        (OUT, "res.a", f"re-{m.id}") for m in batch[:2]
    ]
    assert rows[0].body == b"\xffgot " + batch[0].body
    assert rows[0].content_type == "application/cloudevents+json"


def test_the_same_event_id_of_two_users_is_two_messages(party: Party) -> None:
    take(party, foreign(event("e1"), "a.r", "a"), foreign(event("e1"), "b.r", "b"))
    assert [subject for subject, _ in party.effects] == ["a", "b"]


def test_poison_among_good_ones_is_parked_alone_with_its_reason_and_its_origin(party: Party) -> None:
    batch = [foreign(event(f"e{n}", "poison" if n in {3, 11} else ""), "a.r", "a", "text/x") for n in range(20)]
    take(party, *batch)
    assert len(party.effects) == len(party.outbox) == 18
    parked = party.store.parked()
    assert {p.message_id for p in parked} == {batch[3].id, batch[11].id}
    assert {(p.type, p.reason) for p in parked} == {("a.r", "ValueError: this one kills me")}


def test_an_intake_may_want_each_message_in_a_transaction_of_its_own(party: Party) -> None:
    runs: list[int] = []
    for most in (None, 1, 3):
        intake = Intake(IN, QUEUE, lambda _tx, run: runs.append(len(run)), most)
        batch = [foreign(event(f"e{n}-{most}"), "a.r", "a") for n in range(4)]
        Processor(DESK, party.store, {}, [intake]).take(QUEUE, batch)
    assert runs == [4, 1, 1, 1, 1, 3, 1]


def test_another_event_under_a_used_id_is_not_handled_but_not_lost_without_a_word(party: Party) -> None:
    seen: list[tuple[str, bytes]] = []

    def noting(name: str) -> Any:
        return lambda _tx, run: seen.extend((name, m.body) for m in run)

    processor = Processor(DESK, party.store, {}, [Intake(IN, QUEUE, noting("taken"), 1, noting("reused"))])
    first, other = event("e1"), event("e1", "something else")
    elsewhere = event("e1", source="/lab")
    later = first[:-1] + b', "time": "2026-12-01T00:00:00Z" }'
    for body in (first, first, later, other, other, elsewhere, first):
        processor.take(QUEUE, [foreign(body, "a.r", "a")])
    processor.take(QUEUE, [foreign(b"no event", "a.r", "a")] * 2)
    assert seen == [("taken", first), ("reused", other), ("taken", elsewhere), ("taken", b"no event")]
    take(party, foreign(event("e1", "a third"), "a.r", "a"))
    assert party.effects == [], "who does not ask to hear of it has it in the log"


def test_what_was_taken_before_the_database_went_away_is_a_repetition(party: Party) -> None:
    def handler(_tx: Any, run: Any) -> None:
        if run[0].id == batch[1].id and not seen[1:]:
            seen.append("away")
            raise Transient("away")
        seen.append(run[0].id)

    batch = [foreign(event(f"e{n}"), "a.r", "a") for n in range(3)]
    seen: list[str] = []
    processor = Processor(DESK, party.store, {}, [Intake(IN, QUEUE, handler, 1)])
    with pytest.raises(Transient):
        processor.take(QUEUE, batch)
    processor.take(QUEUE, batch)
    assert seen == [batch[0].id, "away", batch[1].id, batch[2].id]


def test_a_parked_one_is_replayed_as_what_it_was(party: Party, capsys: pytest.CaptureFixture[str]) -> None:
    sender = foreign(event("e1"), "b.r", "a", "text/x")
    broken = Processor(DESK, party.store, {}, [Intake(IN, QUEUE, lambda _tx, _run: 1 / 0)])  # type: ignore[arg-type, return-value]
    broken.take(QUEUE, [sender])
    seen: list[Foreign] = []
    party.processor.intakes = {QUEUE: Intake(IN, QUEUE, lambda _tx, run: seen.extend(run))}
    assert dlq.main(party.processor, ["list"]) == 0
    assert dlq.main(party.processor, ["replay", sender.id]) == 0
    assert "division by zero" in capsys.readouterr().out
    assert seen == [sender]
    assert party.store.parked() == []
    take(party, sender)
    assert seen == [sender]


def test_one_whose_intake_is_gone_stays_parked(party: Party, capsys: pytest.CaptureFixture[str]) -> None:
    take(party, foreign(event("e1", "poison"), "a.r"))
    party.processor.intakes = {}
    assert dlq.main(party.processor, ["replay", "--all"]) == 1
    assert f"{DESK} has no intake {QUEUE}" in capsys.readouterr().out
    assert len(party.store.parked()) == 1


def test_one_that_is_too_large_is_parked_unread_and_cannot_be_replayed(party: Party, monkeypatch: Any) -> None:
    monkeypatch.setattr(foreign_module, "MAX_BYTES", 300)
    large = foreign(event("e1", "x" * 300), "a.r", "a")
    take(party, foreign(event("e0"), "a.r"), large, foreign(event("e2"), "a.r"))
    assert len(party.effects) == 2
    (parked,) = party.store.parked()
    assert (parked.message_id, parked.body, parked.reason) == (large.id, large.body, f"larger than {MAX_BYTES} bytes")
    assert dlq.main(party.processor, ["replay", "--all"]) == 1


def test_a_reason_that_no_text_can_hold_is_mended(party: Party) -> None:
    def choke(_tx: Any, _run: Any) -> None:
        raise LookupError("a\x00b\ud800c")

    Processor(DESK, party.store, {}, [Intake(IN, QUEUE, choke)]).take(QUEUE, [foreign(b"x", "a.\x00", "a")])
    (parked,) = party.store.parked()
    assert parked.reason == r"LookupError: a\0b\ud800c"
    assert parked.type == "a.\ufffd"


def test_a_database_that_is_away_parks_nothing(party: Party) -> None:
    party.store.away = True
    with pytest.raises(Transient):
        take(party, foreign(event("e1"), "a.r"))
    party.store.away = False
    take(party, foreign(event("e1"), "a.r"))
    assert len(party.effects) == 1
    assert party.store.parked() == []


def test_the_helpers_of_tests_hand_over_a_batch_and_tell_ours_from_theirs(party: Party) -> None:
    with party.store.transaction() as tx:
        tx.send(placed("a", 1))
    deliver_foreign(service(party), foreign(event("e1"), "a.r"), exchange=IN)
    assert [m.order_id for m in sent(party.store)] == ["a"]
    assert [row.type for row in sent_out(service(party))] == ["res.a"]
    assert sent_out(service(party), "elsewhere") == []


# --- sending out ---


def test_rows_keep_the_order_in_which_they_were_sent_whoever_they_are_for(party: Party) -> None:
    told: list[Any] = []
    party.store.on_commit = told.extend
    with party.store.transaction() as tx:
        for n in range(6):
            tx.send(placed("a", n)) if n % 3 else tx.send_out(OUT, f"res.{n}", b"\x00\xff", f"m{n}")
    assert [(row.id, row.type, row.body) for row in told] == [(r.id, r.type, bytes(r.body)) for r in party.outbox]
    assert [row.exchange for row in told] == [OUT, "", "", OUT, "", ""]
    assert [row.message_id for row in told if row.exchange] == ["m0", "m3"]


def test_what_leaves_goes_with_its_transaction_or_not_at_all(party: Party) -> None:
    def fail() -> None:
        with party.store.transaction() as tx:
            tx.send_out(OUT, "res.a", b"x", "m")
            raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        fail()
    assert party.outbox == []


@pytest.mark.parametrize("bad", ["", "x" * 256, "号" * 100, "a\x00", "\ud800"])
def test_names_that_amqp_cannot_carry_are_refused_at_once(tmp_path: Path, bad: str) -> None:
    party = desk(f"sqlite:///{tmp_path}/desk.db")
    with party.store.transaction() as tx:
        for names in ((bad, "k", "m"), (OUT, bad, "m"), (OUT, "k", bad)):
            with pytest.raises(ValueError, match="no name for AMQP"):
                tx.send_out(names[0], names[1], b"x", names[2])
    party.store.close()


def test_a_body_that_the_broker_would_refuse_is_refused_at_once(party: Party) -> None:
    with party.store.transaction() as tx:
        tx.send_out(OUT, "k", b"x" * MAX_BYTES, "m1")
        with pytest.raises(ValueError, match="a body of 4194305 bytes"):
            tx.send_out(OUT, "k", b"x" * (MAX_BYTES + 1), "m2")
    assert [row.message_id for row in party.outbox] == ["m1"]


def test_the_sweep_sends_what_a_crash_left_to_where_it_belongs(party: Party) -> None:
    with party.store.transaction() as tx:
        tx.send_out(OUT, "res.a", b"\xff", "m1", "text/plain")

    class Publisher:
        rows: list[Any] = []  # noqa: RUF012  one of it

        def start(self, relay: Any) -> None: ...
        def publish(self, rows: Any) -> None:
            self.rows.extend(rows)

        def stop(self) -> None: ...

    publisher = Publisher()
    relay = Relay(party.store, publisher, sweep_seconds=0.02, grace=NOW - NOW)
    relay.start()
    until(lambda: publisher.rows)
    relay.stop(timeout=0)
    (row,) = publisher.rows
    assert (row.exchange, row.type, row.body, row.content_type) == (OUT, "res.a", b"\xff", "text/plain")


def test_embedded_has_nobody_outside_so_rows_are_settled_at_once(party: Party) -> None:
    broker = InProcessBroker()
    broker.subscribe(party.processor)
    relay = Relay(party.store, broker.publisher(DESK), sweep_seconds=0.02, grace=NOW - NOW)
    broker.start()
    relay.start()
    with party.store.transaction() as tx:
        tx.send_out(OUT, "res.a", b"x", "m")
    until(lambda: party.outbox == [])
    relay.stop()
    broker.stop()


# --- the tables ---


def test_a_database_of_the_release_before_upgrades_with_what_it_holds(url: str) -> None:
    database = Database(url)
    script, version_table = _chains("user_svc")[0]
    with database.engine.begin() as conn:
        if database.sqlite:
            conn.exec_driver_sql("BEGIN IMMEDIATE")
        _upgrade_to(conn, script, version_table, "0001")
        for table in ("outbox", "parked"):
            conn.execute(sa.text(_OLD[table]), {"now": NOW, "body": b"{}"})
        _upgrade(conn, script, version_table)
    with database.reading() as conn:
        assert [(r.message_id, r.exchange) for r in conn.execute(sa.select(tables.outbox))] == [("m", None)]
        inspector = sa.inspect(conn)
        for table in (tables.outbox, tables.parked):
            assert {c["name"] for c in inspector.get_columns(table.name)} == set(table.c.keys())
    (parked,) = database.parked()
    assert (parked.message_id, parked.origin) == ("p", "")
    database.close()


_OLD = {
    "outbox": "INSERT INTO outbox (message_id, type, subject, partition, body, created_at)"
    " VALUES ('m', 't', 's', 'p', :body, :now)",
    "parked": "INSERT INTO parked (message_id, type, body, reason, parked_at) VALUES ('p', 't', :body, 'r', :now)",
}


def _upgrade_to(conn: sa.Connection, script: Any, version_table: str, revision: str) -> None:
    from alembic.config import Config
    from alembic.runtime.environment import EnvironmentContext

    with EnvironmentContext(
        Config(), script, fn=lambda current, _context: script._upgrade_revs(revision, current)
    ) as environment:
        environment.configure(connection=conn, version_table=version_table, transactional_ddl=False)
        environment.run_migrations()
