"""The chance as it is told over HTTP, and how good past forecasts were."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from common import ids
from common.outbox import TimerLoop
from common.testing import HOSTILE_TEXTS, assert_problem, bearer
from flask.testing import FlaskClient
from schedule_svc import chance
from schedule_svc.api.draws import Chance
from schedule_svc.chance import Releases
from schedule_svc.store import forecasts as store
from schedule_svc.usecases import draws
from schedule_svc.worker import TIMERS
from schedule_world import API, FREE_RULES, World, session_row, slot_row

DRAW_AT = datetime(2026, 12, 1, 4, tzinfo=UTC) + draws.GRACE
"""When the draw is held: entries close at 12:00 in Beijing."""
START = datetime(2026, 12, 5, tzinfo=UTC)
SLOTS = [slot_row(8, capacity=3), slot_row(8, 30, capacity=2)]


@pytest.fixture
def world(make: Callable[..., World]) -> World:
    return make(sessions=[session_row(slots=SLOTS)])


def drawn(make: Callable[..., World], policy: str) -> World:
    return make(sessions=[session_row(policy=policy, draw_at="2026-12-01T12:00:00+08:00", slots=SLOTS)])


def ask(world: World, account: str = "", **query: Any) -> dict[str, Any]:
    """A second later than the last time, so that nothing is remembered."""
    world.clock.advance(timedelta(seconds=1))
    client = world.service.app.test_client()
    headers = bearer(account) if account else {}
    response = client.get(f"{API}/sessions/{world.session_id()}/chance", query_string=query, headers=headers)
    document = response.get_json()
    assert response.status_code == 200, document
    assert Chance().validate(document) == {}
    assert response.headers["Cache-Control"] == ("no-store" if "order_id" in query else "public, max-age=1")
    assert all(text[lang] for text in document["assumptions"] for lang in ("zh-CN", "en"))
    return document  # type: ignore[no-any-return]


def codes(document: dict[str, Any]) -> list[str]:
    return [text["code"] for text in document["assumptions"]]


def fire(world: World) -> None:
    loop = TimerLoop(world.database, TIMERS)
    for _ in range(20):
        if not loop.fire_due():
            return
    raise AssertionError("timers without end")


# --- draws -----------------------------------------------------------------------------------------------------------


def test_a_lottery_before_one_enters_and_after(make: Callable[..., World]) -> None:
    world = drawn(make, "lottery")
    assert ask(world)["probability"] == 1
    mine = ids.mint("ord", "acc")
    world.tell(world.reserve(mine), *(world.reserve(f"o{i}") for i in range(9)))
    told = ask(world)
    assert (told["kind"], told["method"], told["error"]) == ("lottery", "exact", 0)
    assert (told["numbers"], told["entrants"], codes(told)) == (5, 11, ["drawn_now"])
    assert told["probability"] == pytest.approx(5 / 11)
    assert ask(world, "acc", order_id=mine)["probability"] == pytest.approx(5 / 10)
    family = ask(world, together=3)
    assert family["probability"] == pytest.approx(chance.lottery(5, 13, 3).probability)
    assert family["entrants"] == 13


def test_a_weighted_draw_by_weight_and_for_ones_own_order(make: Callable[..., World]) -> None:
    world = drawn(make, "weighted")
    mine = ids.mint("ord", "acc")
    world.tell(world.reserve(mine), *(world.reserve(f"o{i}") for i in range(9)))
    with world.database.transaction() as tx:
        tx.conn.exec_driver_sql("UPDATE entries SET weight = CASE WHEN seq = 1 THEN 4 WHEN seq < 5 THEN 2 ELSE 1 END")
    others = {1: 6, 2: 3}
    told = ask(world, "acc", order_id=mine)
    assert (told["kind"], told["method"], told["weight"], told["entrants"]) == ("weighted", "integral", 4, 10)
    assert told["probability"] == pytest.approx(chance.weighted(5, others, 4).probability)
    assert 0 < told["error"] < 1e-6
    for weight in (1, 7):
        expected = chance.weighted(5, {**others, 4: 1}, weight).probability
        assert ask(world, weight=weight)["probability"] == pytest.approx(expected)
    usual = ask(world)
    assert codes(usual) == ["drawn_now", "usual_weight"]
    assert usual["weight"] == FREE_RULES.weights.base + FREE_RULES.weights.clean_credit
    client = world.service.app.test_client()
    assert_problem(client.get(f"{API}/sessions/{world.session_id()}/chance?together=2"), 409, "not_a_lottery")


@pytest.mark.parametrize("policy", ["lottery", "weighted"])
def test_a_draws_forecasts_are_kept_with_their_outcome(policy: str, make: Callable[..., World]) -> None:
    world = drawn(make, policy)
    orders = {ids.mint("ord", f"acc{i}"): f"acc{i}" for i in range(20)}
    world.tell(*(world.reserve(order) for order in orders))
    if policy == "weighted":
        with world.database.transaction() as tx:
            tx.conn.exec_driver_sql("UPDATE entries SET weight = 3 WHERE seq > 10")
    told = {order: ask(world, account, order_id=order)["probability"] for order, account in orders.items()}
    world.clock.set(DRAW_AT)
    fire(world)
    kept = {row.order_id: row for row in world.rows("SELECT * FROM forecasts")}
    assert {order: row.probability for order, row in kept.items()} == pytest.approx(told)
    assert {row.kind for row in kept.values()} == {policy}
    ranks = {row.order_id: row.rank for row in world.rows("SELECT order_id, rank FROM entries")}
    assert {order: bool(row.outcome) for order, row in kept.items()} == {o: rank <= 5 for o, rank in ranks.items()}
    brier = sum((row.probability - row.outcome) ** 2 for row in kept.values()) / 20
    (score,) = world.rows("SELECT * FROM forecast_scores")
    assert (score.kind, score.forecasts, score.squares / 20) == (policy, 20, pytest.approx(brier))
    won = next(order for order, rank in ranks.items() if rank == 1)
    lost = next(order for order, rank in ranks.items() if rank == 20)
    assert [ask(world, orders[o], order_id=o)["probability"] for o in (won, lost)] == [1, 0]


def test_the_track_record_is_told(make: Callable[..., World]) -> None:
    world = drawn(make, "lottery")
    assert ask(world)["track_record"] == {"forecasts": 0, "brier": None}
    with world.database.transaction() as tx:
        for squares in (0.5, 0.25):
            store.add_scores(tx.conn, world.hospital_id, "lottery", 2, squares)
        store.add_scores(tx.conn, world.hospital_id, "waitlist", 9, 9)
    assert ask(world)["track_record"] == {"forecasts": 4, "brier": pytest.approx(0.75 / 4)}


def test_while_it_is_drawn_nobody_can_say(make: Callable[..., World], monkeypatch: pytest.MonkeyPatch) -> None:
    world = drawn(make, "lottery")
    world.tell(*(world.reserve(f"o{i}") for i in range(4)))
    monkeypatch.setattr(draws, "ROUND", 1)
    world.clock.set(DRAW_AT)
    TimerLoop(world.database, TIMERS).fire_due()
    told = ask(world)
    assert (told["probability"], told["method"], codes(told)) == (None, "unknown", ["being_drawn"])


def test_before_entries_open_nobody_can_say(make: Callable[..., World]) -> None:
    late = session_row(
        policy="lottery",
        release_at="2026-12-01T11:00:00+08:00",
        draw_at="2026-12-01T12:00:00+08:00",
        slots=SLOTS,
    )
    told = ask(make(sessions=[late]))
    assert (told["kind"], told["probability"], codes(told)) == ("lottery", None, ["not_open"])


# --- first come and waitlist -----------------------------------------------------------------------------------------


def test_first_come_while_there_are_numbers(make: Callable[..., World]) -> None:
    world = make(sessions=[session_row(slots=SLOTS, release_at="2026-12-02T08:30:00+08:00")])
    told = ask(world)
    assert (told["kind"], told["probability"], codes(told)) == ("first_come", None, ["not_released"])
    world.clock.set(datetime(2026, 12, 2, 2, tzinfo=UTC))
    told = ask(world)
    assert (told["probability"], told["numbers"], codes(told)) == (1, 5, ["at_once"])
    world.clock.set(START + timedelta(hours=2))
    assert ask(world)["probability"] == 0


def test_the_waitlist_by_position_and_for_ones_own_order(world: World) -> None:
    world.fill(5)
    mine = ids.mint("ord", "acc")
    world.tell(world.reserve("w1", wait=True), world.reserve("w2", wait=True), world.reserve(mine, wait=True))
    told = ask(world)
    left = START - world.clock()
    assert (told["kind"], told["method"], told["error"], told["position"]) == ("waitlist", "model", None, 4)
    assert codes(told) == ["freed_go_to_the_line", "little_known"]
    assert told["probability"] == pytest.approx(chance.waitlist(4, 5, Releases(0, 0), left).probability)
    own = ask(world, "acc", order_id=mine)
    assert own["position"] == 3
    assert own["probability"] > told["probability"]
    assert own["probability"] == pytest.approx(ask(world, position=3)["probability"], rel=1e-3)
    world.tell(world.release("w1"))
    assert ask(world, "acc", order_id=mine)["position"] == 2
    world.tell(world.release("fill-0"), world.release("fill-1"))
    assert ask(world, "acc", order_id=mine)["probability"] == 1


def test_one_who_waits_for_a_segment_counts_its_line_and_its_numbers(world: World) -> None:
    world.fill(5)
    first, second = world.slot_ids()
    mine = ids.mint("ord", "acc")
    world.tell(
        world.reserve("w1", first, wait=True), world.reserve("w2", wait=True), world.reserve(mine, second, wait=True)
    )
    told = ask(world, "acc", order_id=mine)
    assert told["position"] == 2
    expected = chance.waitlist(2, 2, Releases(0, 0), START - world.clock()).probability
    assert told["probability"] == pytest.approx(expected, rel=1e-3)


def test_a_number_that_rests_is_as_good_as_freed(world: World) -> None:
    world.fill(5)
    with world.database.transaction() as tx:
        tx.conn.exec_driver_sql("UPDATE slots SET resting = 1 WHERE id IN (SELECT min(id) FROM slots)")
    assert ask(world, position=1)["probability"] == 1
    assert ask(world, position=2)["probability"] < 1


def test_the_hospitals_past_is_learnt_from(make: Callable[..., World]) -> None:
    """Forty numbers of last week's session, of which half came back: some early, some on the last day, some too late to count."""
    past = session_row(
        "past", date="2026-12-01", slots=[slot_row(10, day=1, capacity=40)], release_at="2026-11-20T08:30:00+08:00"
    )
    world = make(sessions=[session_row(slots=SLOTS), past])
    begins = datetime(2026, 12, 1, 2, tzinfo=UTC)
    for i in range(40):
        world.tell(world.reserve(f"p{i}", session=world.session_id("past")))
    sure = {"session_id": world.session_id("past")}
    leads = {"p0": 100.0, "p1": 30.0, "p2": 20.0, "p3": 0.0}
    with world.database.transaction() as tx:
        for order, hours in leads.items():
            freed = (begins - timedelta(hours=hours)).strftime("%Y-%m-%d %H:%M:%S.000000")
            tx.conn.exec_driver_sql(
                f"UPDATE reservations SET state = 'released', released_by = 'patient', updated_at = '{freed}'"
                f" WHERE order_id = '{order}' AND session_id = '{sure['session_id']}'"
            )
    world.clock.set(datetime(2026, 12, 3, 16, tzinfo=UTC))
    with world.database.reading() as conn:
        history = store.history(conn, world.hospital_id, world.clock())
    assert [lead / 3600 for lead in history.leads] == [20, 30, 100]
    assert history.numbers == 40
    assert history.releases(timedelta(0), timedelta(hours=32)) == Releases(2, 40)
    assert history.releases(timedelta(hours=24), timedelta(hours=8)) == Releases(1, 40)
    world.fill(5)
    told = ask(world, position=2)
    expected = chance.waitlist(2, 5, Releases(2, 40), START - world.clock()).probability
    assert told["probability"] == pytest.approx(expected)


def test_the_waitlists_forecasts_are_kept_and_settled(world: World) -> None:
    world.fill(5)
    world.tell(*(world.reserve(f"w{i}", wait=True) for i in range(4)))
    world.tell(world.reserve("w0", wait=True))
    kept = {row.order_id: row for row in world.rows("SELECT * FROM forecasts")}
    assert sorted(kept) == ["w0", "w1", "w2", "w3"]
    line = [kept[f"w{i}"].probability for i in range(4)]
    assert line == pytest.approx(
        [chance.waitlist(i, 5, Releases(0, 0), START - world.clock()).probability for i in (1, 2, 3, 4)]
    )
    assert {row.outcome for row in kept.values()} == {None}
    world.tell(world.release("fill-0"))  # w0 gets it
    world.tell(world.release("w2"))  # leaves by herself: proves nothing
    world.clock.set(START)
    fire(world)
    outcomes = {row.order_id: row.outcome for row in world.rows("SELECT * FROM forecasts")}
    assert outcomes == {"w0": 1, "w1": 0, "w2": None, "w3": 0}
    (score,) = world.rows("SELECT * FROM forecast_scores")
    squares = (line[0] - 1) ** 2 + line[1] ** 2 + line[3] ** 2
    assert (score.kind, score.forecasts, score.squares) == ("waitlist", 3, pytest.approx(squares))
    fire(world)
    assert world.rows("SELECT forecasts FROM forecast_scores")[0].forecasts == 3


def test_what_was_told_within_a_second_is_remembered(world: World) -> None:
    client = world.service.app.test_client()
    url = f"{API}/sessions/{world.session_id()}/chance"
    assert client.get(url).get_json()["numbers"] == 5
    world.fill(2)
    assert client.get(url).get_json()["numbers"] == 5
    world.clock.advance(timedelta(seconds=1))
    assert client.get(url).get_json()["numbers"] == 3


# --- who may ask what ------------------------------------------------------------------------------------------------


def test_an_order_is_asked_after_by_its_owner(world: World, client: FlaskClient) -> None:
    mine = ids.mint("ord", "acc_me")
    url = f"{API}/sessions/{world.session_id()}/chance?order_id={mine}"
    assert_problem(client.get(url), 401)
    assert_problem(client.get(url, headers=bearer("acc_other")), 404, "order_not_found")
    assert_problem(client.get(url, headers=bearer("acc_me")), 404, "order_not_found")
    world.tell(world.reserve(mine))
    told = client.get(url, headers=bearer("acc_me")).get_json()
    assert (told["probability"], told["method"]) == (1, "decided")


def test_bad_questions(world: World, client: FlaskClient) -> None:
    url = f"{API}/sessions/{world.session_id()}/chance"
    for name in ("weight", "position", "together", "order_id"):
        for text in (*(t for t in HOSTILE_TEXTS if "\ud800" not in t), "0", "-1", "1e9", "nan"):
            answer = client.get(url, query_string={name: text}, headers=bearer("acc"))
            assert 400 <= answer.status_code < 500, (name, text, answer.get_data())
    assert_problem(client.get(url, query_string={"unknown": "1"}), 422, field="unknown")
    mixed = {"order_id": ids.mint("ord", "acc"), "weight": 2}
    assert_problem(client.get(url, query_string=mixed, headers=bearer("acc")), 422, field="weight")
    assert_problem(client.get(f"{API}/sessions/ses_none/chance"), 404, "session_not_found")
