"""Rows that cannot be read, keys that were changed, sets that grow: the watchdog goes on, and does not shout."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from payment_svc.providers import Refused
from payment_svc.usecases import watchdog
from payment_watched import amend
from payment_world import World, paid_by
from test_payment_watchdog import break_, called_back, doubts, look

_CALLBACK = (
    "INSERT INTO callbacks (id, provider, notify_id, kind, number, headers, body, state, error, received_at, updated_at) VALUES"
    " ('cbk_odd', 'alipay', 'n', 'payment', 'x', '{headers}', x'00', 'applied', '', '{at}', '2026-11-22 08:00:30.000000')"
)


@pytest.fixture
def watched(tmp_path: Any) -> Iterator[World]:
    made = World(f"sqlite:///{tmp_path}/watched.db")
    object.__setattr__(made.service.settings, "watchdog_minutes", 10)
    with made.database.transaction() as tx:
        watchdog.start(tx)
    yield made
    made.database.close()


@pytest.mark.parametrize(
    ("spoil", "invariant", "about"),
    [
        ("INSERT INTO timers (kind, key, due_at, payload, attempts) VALUES ('order_confirmed', 'ord_x', '2026-11-22 08:00:00', 'x', 0)",
         "paid_is_confirmed", "paid_is_confirmed"),
        (_CALLBACK.format(headers="garbage", at="2026-11-22 08:00:30.000000"), "callbacks_are_kept", "cbk_odd"),
        (_CALLBACK.format(headers='{"Wechatpay-Timestamp": "99999999999999"}', at="2026-11-22 08:00:30.000000"),
         "callbacks_are_kept", "cbk_odd"),
    ],
)  # fmt: skip
def test_a_row_that_cannot_be_read_is_named_and_the_others_are_looked_at(
    watched: World, spoil: str, invariant: str, about: str
) -> None:
    order = paid_by(watched)
    amend(watched, spoil)
    break_(watched, order)
    raised = {m.kind: m.about for m in look(watched, after=timedelta(minutes=2))}
    assert raised[invariant] == [about]
    assert "success_is_a_fact" in raised
    assert look(watched) == []


def test_an_order_that_cannot_be_read_is_named_and_the_others_are_looked_at(
    watched: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    odd, broken = paid_by(watched), paid_by(watched)
    break_(watched, broken)
    check = watchdog.watch.OF_ORDERS["one_payment_counts"]

    def blinded(conn: Any, scope: Any) -> Any:
        yield from check(conn, scope)
        if odd in scope.orders:
            raise ValueError("no number")

    monkeypatch.setattr(watchdog.watch, "OF_ORDERS", watchdog.watch.OF_ORDERS | {"one_payment_counts": blinded})
    raised = {m.kind: m.about for m in look(watched)}
    assert raised["one_payment_counts"] == sorted([odd, broken])
    assert "success_is_a_fact" in raised
    assert look(watched) == [], "both are known still"


def test_what_broke_an_invariant_is_not_mended_by_its_being_unreadable(
    watched: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    order = paid_by(watched)
    assert [m.about for m in look(watched, after=timedelta(minutes=11))] == [[order]]

    def unreadable(*_: Any) -> Any:
        raise ValueError("no time")

    monkeypatch.setattr(watchdog.watch, "STANDING", watchdog.watch.STANDING | {"paid_is_confirmed": unreadable})
    assert look(watched) == []
    assert watchdog.VIOLATIONS.labels("paid_is_confirmed")._value.get() == 2


def test_a_callback_under_a_key_that_was_changed_is_passed_over_after_a_day(watched: World) -> None:
    look(watched)
    called_back(watched)
    watched.scripted.say["hear"] = Refused("signature")
    assert len(doubts(watched)) == 1
    assert doubts(watched, after=timedelta(hours=23)) == []
    (cleared,) = doubts(watched, after=timedelta(hours=2))
    assert type(cleared).__name__ == "MoneyAlarmCleared"
    assert doubts(watched, after=timedelta(days=3)) == []
