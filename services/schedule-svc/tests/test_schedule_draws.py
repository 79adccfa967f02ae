"""Draws: committed to, entered, drawn once, delivered in the order of the draw whatever crashes, and checked by a stranger."""

import gzip
import hashlib
import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from common import ids
from common.messages import SessionChanged, SlotEntered, SlotRejected, SlotReserved, SlotWaitlisted
from common.outbox import TimerLoop
from common.testing import HOSTILE_TEXTS, assert_problem, bearer, sent, take_sent
from flask.testing import FlaskClient
from haoyuan_draw.check import Known, verify
from haoyuan_draw.receipt import check_against
from haoyuan_draw.record import parse, read_receipt, read_record
from schedule_svc.api.draws import Draw, Receipt
from schedule_svc.store import draws as store
from schedule_svc.usecases import draws, receipts
from schedule_svc.worker import TIMERS
from schedule_world import API, ROSTER, World, check_inventory, session_row, short, slot_row

DRAW_AT = datetime(2026, 12, 1, 4, tzinfo=UTC) + draws.GRACE
"""When the draw is held: entries close at 12:00 in Beijing."""
PATH = f"{API}/sessions"


def drawn_row(policy: str = "lottery", **changes: Any) -> dict[str, Any]:
    """Five numbers in two segments."""
    slots = [slot_row(8, capacity=3), slot_row(8, 30, capacity=2)]
    return session_row(policy=policy, draw_at="2026-12-01T12:00:00+08:00", slots=slots) | changes


@pytest.fixture
def world(make: Callable[..., World]) -> World:
    return make(sessions=[drawn_row()])


def fire(world: World, rounds: int = 20) -> None:
    loop = TimerLoop(world.database, TIMERS)
    for _ in range(rounds):
        if not loop.fire_due():
            return
    raise AssertionError("timers without end")


def until_drawing(world: World, loop: TimerLoop) -> None:
    """Fire until it is drawn, and nobody has been told yet."""
    for _ in range(5):
        if state_of(world) != "open":
            return
        loop.fire_due()
    raise AssertionError("it is not drawn")


def enter(world: World, *orders: str, wait: bool = False, session: str | None = None) -> dict[str, SlotEntered]:
    told = world.tell(*(world.reserve(order, wait=wait, session=session) for order in orders))
    return {m.order_id: m for m in told if isinstance(m, SlotEntered)}


def draw(world: World) -> list[Any]:
    """Let the time of the draw come; answers what was told to the entrants."""
    world.clock.set(max(world.clock(), DRAW_AT))
    fire(world)
    return take_sent(world.database)


def ranked(world: World, code: str = "s1") -> list[str]:
    """The orders in the order of the draw."""
    query = "SELECT order_id FROM entries WHERE session_id = :s AND rank IS NOT NULL ORDER BY rank"
    return [row.order_id for row in world.rows(query, s=world.session_id(code))]


def state_of(world: World, code: str = "s1") -> str:
    return str(world.rows("SELECT draw_state FROM sessions WHERE code = :c", c=code)[0].draw_state)


def shown(client: FlaskClient, session_id: str) -> dict[str, Any]:
    response = client.get(f"{PATH}/{session_id}/draw")
    assert response.status_code == 200, response.get_json()
    document: dict[str, Any] = response.get_json()
    assert Draw().validate(document) == {}
    return document


# --- before ----------------------------------------------------------------------------------------------------------


def test_the_commitment_is_published_with_the_session(world: World, client: FlaskClient) -> None:
    before = shown(client, world.session_id())
    seed = world.rows("SELECT seed FROM draws")[0].seed
    assert before["commitment"] == hashlib.sha256(bytes.fromhex(seed)).hexdigest()
    assert seed not in json.dumps(before)
    assert (before["state"], before["policy"], before["entrants"]) == ("open", "lottery", 0)
    assert (before["opens_at"], before["closes_at"]) == ("2026-12-01T08:30:00+08:00", "2026-12-01T12:00:00+08:00")
    enter(world, "a", "b")
    assert shown(client, world.session_id()) == before | {"entrants": 2}


def test_another_version_of_the_session_keeps_the_commitment(world: World, client: FlaskClient) -> None:
    before = shown(client, world.session_id())["commitment"]
    world.publish({"hospital": ROSTER["hospital"], "sessions": [drawn_row(version=2, room="B2")]})
    assert shown(client, world.session_id())["commitment"] == before


def test_two_sessions_have_two_seeds(make: Callable[..., World]) -> None:
    world = make(sessions=[drawn_row(), drawn_row(code="s2")])
    assert len({row.seed for row in world.rows("SELECT seed FROM draws")}) == 2


def test_what_is_first_come_or_unknown_has_no_draw(make: Callable[..., World]) -> None:
    world = make()
    client = world.service.app.test_client()
    for session_id in (world.session_id(), "ses_none"):
        assert_problem(client.get(f"{PATH}/{session_id}/draw"), 404, "no_draw")
    assert world.rows("SELECT * FROM draws") == []


def test_a_draft_is_not_shown_and_not_drawn(make: Callable[..., World]) -> None:
    world = make(sessions=[drawn_row(draft=True)])
    assert_problem(world.service.app.test_client().get(f"{PATH}/{world.session_id()}/draw"), 404, "no_draw")
    draw(world)
    assert state_of(world) == "open"


# --- the draw --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("policy", ["lottery", "weighted"])
def test_a_draw_from_beginning_to_end(policy: str, make: Callable[..., World], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store, "_RANKED_AT_ONCE", 4)
    world = make(sessions=[drawn_row(policy)])
    client = world.service.app.test_client()
    commitment = shown(client, world.session_id())["commitment"]
    entered = enter(world, *(f"o{i}" for i in range(8)), wait=True) | enter(world, "p0", "p1")
    assert len(entered) == 10
    told = draw(world)
    order = ranked(world)
    answers = [m for m in told if not isinstance(m, SessionChanged)]
    assert [m.order_id for m in answers] == order, "answered in the order of the draw"
    reserved = [m for m in answers if isinstance(m, SlotReserved)]
    assert [(m.order_id, m.queue_number) for m in reserved] == list(zip(order, range(1, 6), strict=False))
    assert [m.slot_id for m in reserved] == [
        slot for slot, n in zip(world.slot_ids(), (3, 2), strict=True) for _ in range(n)
    ]
    waits = [m for m in answers if isinstance(m, SlotWaitlisted)]
    assert [m.order_id for m in waits] == [o for o in order[5:] if o.startswith("o")]
    assert [m.position for m in waits] == list(range(1, len(waits) + 1))
    assert {(m.order_id, m.reason) for m in answers if isinstance(m, SlotRejected)} == {
        (o, "not_drawn") for o in order[5:] if o.startswith("p")
    }
    facts = [m.session for m in told if isinstance(m, SessionChanged)][-1]
    assert (facts.drawn, facts.sold_out, state_of(world)) == (True, True, "drawn")
    check_inventory(world)
    record = read_record(shown(client, world.session_id()))
    verdict = verify(record, Known(commitment))
    assert verdict.verified, verdict.checks
    names = {e.pseudonym: order_id for order_id, e in entered.items()}
    assert [names[r.entry.pseudonym] for r in verdict.results] == order


def test_weights_and_their_parts_count(make: Callable[..., World]) -> None:
    """The heavier half wins nearly always: each of them weighs a hundred thousand times as much."""
    world = make(sessions=[drawn_row("weighted")])
    enter(world, *(f"o{i}" for i in range(10)))
    with world.database.transaction() as tx:
        tx.conn.exec_driver_sql("UPDATE entries SET weight = 1000000 WHERE seq > 5")
    draw(world)
    assert set(ranked(world)[:5]) == {f"o{i}" for i in range(5, 10)}


def test_nobody_entered(world: World, client: FlaskClient) -> None:
    told = draw(world)
    assert [type(m) for m in told] == [SessionChanged]
    record = shown(client, world.session_id())
    assert verify(read_record(record)).verified
    assert (record["entrants"], record["winners"], record["numbers"], state_of(world)) == (0, 0, 5, "drawn")
    assert short(world.tell(world.reserve("late")))[0] == ("reserved", "late", 1), "what is left over is first come"


def test_nothing_is_drawn_a_second_early_and_nothing_twice(world: World, client: FlaskClient) -> None:
    enter(world, "a", "b")
    world.clock.set(DRAW_AT - timedelta(seconds=1))
    fire(world)
    assert state_of(world) == "open"
    assert len(draw(world)) == 3
    record = shown(client, world.session_id())
    with world.database.transaction() as tx:
        for kind in (draws.DRAW, draws.DELIVER):
            tx.set_timer(kind, world.session_id(), tx.now)
        draws.prepare(tx, [])
    fire(world)
    assert sent(world.database) == []
    assert shown(client, world.session_id()) == record


def test_who_left_before_is_not_in_the_list_and_who_leaves_after_passes_her_number_on(
    world: World, client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    entered = enter(world, *(f"o{i}" for i in range(8)), wait=True)
    assert short(world.tell(world.release("o3"))) == [("released", "o3")]
    world.clock.set(DRAW_AT)
    monkeypatch.setattr(draws, "ROUND", 3)
    loop = TimerLoop(world.database, TIMERS)
    until_drawing(world, loop)
    order = ranked(world)
    assert sorted(order) == sorted(f"o{i}" for i in range(8) if i != 3)
    # drawn, and nobody has been told yet
    take_sent(world.database)
    assert short(world.tell(world.release(order[0])))[0] == ("released", order[0])
    fire(world)
    told = take_sent(world.database)
    assert [m.order_id for m in told if isinstance(m, SlotReserved)] == order[1:6]
    assert entered["o3"].pseudonym not in json.dumps(shown(client, world.session_id()))
    assert entered[order[0]].pseudonym in json.dumps(shown(client, world.session_id()))
    check_inventory(world)
    world.tell(world.release(order[1]))
    assert world.rows("SELECT state FROM reservations WHERE order_id = :o", o=order[6])[0].state == "held"


def test_no_entry_while_it_is_drawn_and_leftovers_are_first_come(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    enter(world, "a", "b", "c")
    world.clock.set(DRAW_AT - draws.GRACE - timedelta(milliseconds=1))
    in_time = world.reserve("in_time")
    world.clock.set(DRAW_AT)
    assert short(world.tell(in_time)) == [("SlotEntered",)], "placed in time, and its message was slow"
    assert short(world.tell(world.reserve("late"))) == [("rejected", "late", "entries_closed")]
    monkeypatch.setattr(draws, "ROUND", 1)
    loop = TimerLoop(world.database, TIMERS)
    until_drawing(world, loop)
    assert short(world.tell(world.reserve("later"))) == [("rejected", "later", "entries_closed")]
    fire(world)
    take_sent(world.database)
    assert short(world.tell(world.reserve("after")))[0] == ("reserved", "after", 5)


def test_a_number_that_is_set_aside_is_no_part_of_the_draw(make: Callable[..., World]) -> None:
    row = drawn_row(
        slots=[slot_row(8, capacity=3) | {"quotas": {"referral": 2}}, slot_row(8, 30, capacity=2, blocked=1)]
    )
    world = make(sessions=[row])
    enter(world, "a", "b", "c")
    draw(world)
    record = shown(world.service.app.test_client(), world.session_id())
    assert [(s["id"], s["numbers"]) for s in record["segments"]] == list(zip(world.slot_ids(), (1, 1), strict=True))


def test_only_segments_that_are_not_over_are_drawn_for(world: World) -> None:
    """The worker was away, and the first half of the session has passed."""
    enter(world, "a", "b", "c")
    world.clock.set(datetime(2026, 12, 5, 0, 40, tzinfo=UTC))
    told = draw(world)
    assert [m.slot_id for m in told if isinstance(m, SlotReserved)] == world.slot_ids()[1:] * 2
    assert [s["numbers"] for s in shown(world.service.app.test_client(), world.session_id())["segments"]] == [2]


# --- what happens to sessions ----------------------------------------------------------------------------------------


def test_a_roster_moves_the_draw_before_it_and_not_after(world: World, client: FlaskClient) -> None:
    enter(world, "a")
    later = drawn_row(version=2, draw_at="2026-12-01T14:00:00+08:00")
    world.publish({"hospital": ROSTER["hospital"], "sessions": [later]})
    take_sent(world.database)
    draw(world)
    assert state_of(world) == "open"
    world.clock.set(DRAW_AT + timedelta(hours=2))
    draw(world)
    assert state_of(world) == "drawn"
    record = shown(client, world.session_id())
    assert record["closes_at"] == "2026-12-01T14:00:00+08:00"
    world.publish(
        {"hospital": ROSTER["hospital"], "sessions": [drawn_row(version=3, draw_at="2026-12-02T14:00:00+08:00")]}
    )
    world.clock.set(DRAW_AT + timedelta(days=2))
    take_sent(world.database)
    assert draw(world) == []
    assert shown(client, world.session_id()) == record


def test_a_late_timer_of_an_earlier_time_waits_for_the_new_one(world: World) -> None:
    with world.database.transaction() as tx:
        tx.set_timer(draws.DRAW, world.session_id(), tx.now)
    fire(world)
    assert state_of(world) == "open"
    draw(world)
    assert state_of(world) == "drawn"


def stop(world: World, stopped: bool) -> None:
    with world.database.transaction() as tx:
        tx.conn.exec_driver_sql(f"UPDATE sessions SET stopped = {str(stopped).lower()}")


def test_a_stopped_session_is_not_drawn_and_a_resumed_one_is(world: World) -> None:
    enter(world, "a")
    stop(world, True)
    assert draw(world) == []
    assert state_of(world) == "open"
    stop(world, False)
    with world.database.transaction() as tx:
        working, _ = draws.at_desk(tx, [world.session_id()])
        draws.prepare(tx, working.sessions.values())
    draw(world)
    assert (state_of(world), ranked(world)) == ("drawn", ["a"])


def test_a_session_stopped_while_it_is_drawn_gives_nothing(world: World) -> None:
    enter(world, "a", "b")
    world.clock.set(DRAW_AT)
    loop = TimerLoop(world.database, TIMERS)
    until_drawing(world, loop)
    stop(world, True)
    take_sent(world.database)
    told = draw(world)
    assert {m.reason for m in told if isinstance(m, SlotRejected)} == {"session_stopped"}
    assert not [m for m in told if isinstance(m, SlotReserved)]
    check_inventory(world)


# --- crashes ---------------------------------------------------------------------------------------------------------


def test_a_crash_between_rounds_forgets_nobody_and_answers_nobody_twice(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    orders = [f"o{i}" for i in range(10)]
    enter(world, *orders, wait=True)
    world.clock.set(DRAW_AT)
    monkeypatch.setattr(draws, "ROUND", 2)
    finish, crashes = draws.finish, iter([False, True, False, True, True, False, False, False, False])

    def dies(*args: Any) -> None:
        finish(*args)
        if next(crashes, False):
            raise RuntimeError("killed before the commit")

    monkeypatch.setattr(draws, "finish", dies)
    loop = TimerLoop(world.database, TIMERS)
    for _ in range(40):
        loop.fire_due()
        world.clock.advance(timedelta(seconds=1))
    assert state_of(world) == "drawn"
    told = [m.order_id for m in take_sent(world.database) if not isinstance(m, SessionChanged)]
    assert told == ranked(world)
    assert sorted(told) == orders
    check_inventory(world)


def test_many_draws_of_one_moment_are_one_transaction_each(
    make: Callable[..., World], monkeypatch: pytest.MonkeyPatch
) -> None:
    codes = [f"s{i}" for i in range(1, 6)]
    world = make(sessions=[drawn_row(code=code) for code in codes])
    for code in codes:
        enter(world, f"{code}-a", f"{code}-b", f"{code}-c", session=world.session_id(code))
    monkeypatch.setattr(draws, "ROUND", 1)
    world.clock.set(DRAW_AT)
    loop = TimerLoop(world.database, TIMERS)
    known = 0
    for _ in range(60):
        loop.fire_due()
        drawn_now = len(world.rows("SELECT * FROM draws WHERE drawn_at IS NOT NULL"))
        assert drawn_now - known <= 1
        known = drawn_now
    assert {state_of(world, code) for code in codes} == {"drawn"}
    assert sorted(o for code in codes for o in ranked(world, code)) == sorted(
        f"{code}-{letter}" for code in codes for letter in "abc"
    )


def test_a_voucher_of_one_who_was_not_drawn_is_free_again(world: World) -> None:
    """Its numbers were gone, so it only gave weight; she may use it for what is left."""
    with world.database.transaction() as tx:
        tx.conn.exec_driver_sql(
            "INSERT INTO vouchers (code, hospital_id, session_id, channel, urgency, patient_id, expires_at, issued_by, issued_at)"
            f" VALUES ('v1', '{world.hospital_id}', '{world.session_id()}', 'referral', 'urgent', NULL,"
            " '2026-12-05 01:00:00.000000', 'acc', '2026-12-01 00:00:00.000000')"
        )
    enter(world, *(f"o{i}" for i in range(40)))
    world.tell(replace(world.reserve("mine"), voucher="v1"))
    assert world.rows("SELECT order_id FROM vouchers")[0].order_id == "mine"
    with world.database.transaction() as tx:  # so that she loses for certain
        tx.conn.exec_driver_sql("UPDATE slots SET published = 0, capacity = 0, free = 0, span = 0")
    draw(world)
    assert world.rows("SELECT order_id FROM vouchers")[0].order_id is None


# --- the record and receipts -----------------------------------------------------------------------------------------


def test_the_record_is_served_as_it_is_stored(world: World, client: FlaskClient) -> None:
    enter(world, "a", "b")
    draw(world)
    url = f"{PATH}/{world.session_id()}/draw"
    plain, packed = client.get(url), client.get(url, headers={"Accept-Encoding": "gzip, br"})
    stored = bytes(world.rows("SELECT record FROM draws")[0].record)
    assert packed.data == stored
    assert gzip.decompress(stored) == plain.data
    assert (packed.headers["Content-Encoding"], plain.headers.get("Content-Encoding")) == ("gzip", None)
    assert plain.headers["Vary"] == packed.headers["Vary"] == "Accept-Encoding"
    assert plain.headers["Cache-Control"] == "public, max-age=3600"
    assert plain.json is not None
    assert plain.headers["ETag"] == f'W/"{plain.json["digest"]}"'
    again = client.get(url, headers={"If-None-Match": plain.headers["ETag"]})
    assert (again.status_code, again.data) == (304, b"")


def receipt_of(client: FlaskClient, session_id: str, order_id: str, account: str) -> Any:
    return client.get(f"{PATH}/{session_id}/draw/receipt?order_id={order_id}", headers=bearer(account))


def test_a_receipt_before_and_after_the_draw(make: Callable[..., World]) -> None:
    world = make(sessions=[drawn_row("weighted")])
    client = world.service.app.test_client()
    orders = {ids.mint("ord", f"acc{i}"): f"acc{i}" for i in range(7)}
    entered = enter(world, *orders)
    session_id = world.session_id()
    for order_id, account in orders.items():
        before = receipt_of(client, session_id, order_id, account).get_json()
        assert Receipt().validate(before) == {}
        assert (before["state"], before["pseudonym"]) == ("open", entered[order_id].pseudonym)
        assert sum(part["points"] for part in before["parts"]) == before["weight"] == entered[order_id].weight
    world.tell(world.release(next(iter(orders))))
    draw(world)
    record = read_record(shown(client, session_id))
    verdict = verify(record)
    order = ranked(world)
    for order_id, account in list(orders.items())[1:]:
        answer = receipt_of(client, session_id, order_id, account)
        assert Receipt().validate(answer.get_json()) == {}
        mine = read_receipt(parse(answer.data))
        assert [c for c in check_against(mine, record, verdict) if not c.ok] == []
        assert (mine.rank, mine.won) == (order.index(order_id) + 1, order.index(order_id) < 5)
    left = next(iter(orders.items()))
    assert_problem(receipt_of(client, session_id, *left), 404, "no_entry")


def test_many_draws_receipts_are_remembered_one_after_the_other(
    make: Callable[..., World], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(receipts, "_REMEMBERED", 1)
    world = make(sessions=[drawn_row(), drawn_row(code="s2")])
    client = world.service.app.test_client()
    order_id = {code: ids.mint("ord", "acc") for code in ("s1", "s2")}
    for code, order in order_id.items():
        enter(world, order, "x" + code, session=world.session_id(code))
    draw(world)
    for code in ("s1", "s2", "s1", "s1"):
        answer = receipt_of(client, world.session_id(code), order_id[code], "acc")
        assert read_receipt(parse(answer.data)).session_id == world.session_id(code)


def test_a_receipt_is_its_owners(world: World, client: FlaskClient) -> None:
    order_id = ids.mint("ord", "acc_me")
    enter(world, order_id)
    session_id = world.session_id()
    assert receipt_of(client, session_id, order_id, "acc_me").status_code == 200
    assert_problem(receipt_of(client, session_id, order_id, "acc_other"), 404, "no_entry")
    assert_problem(receipt_of(client, "ses_other", order_id, "acc_me"), 404, "no_entry")
    assert_problem(receipt_of(client, session_id, ids.mint("ord", "acc_me"), "acc_me"), 404, "no_entry")
    url = f"{PATH}/{session_id}/draw/receipt"
    assert_problem(client.get(f"{url}?order_id={order_id}"), 401)
    assert_problem(client.get(url, headers=bearer("acc_me")), 422, field="order_id")
    assert_problem(client.get(url, headers=bearer("acc_staff", "registrar")), 403, "wrong_role")
    for text in [*(t for t in HOSTILE_TEXTS if "\ud800" not in t), "\xff"]:
        answer = client.get(url, query_string={"order_id": text}, headers=bearer("acc_me"))
        assert 400 <= answer.status_code < 500, text
