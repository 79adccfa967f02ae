"""Fault 14 for orders: news that had to wait are not told after the order has moved on."""

import dataclasses
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest
from common.clock import ManualClock
from common.service import Service
from common.testing import deliver
from notify_svc.channels import Later, Sent
from notify_svc.kinds import ENDS, KINDS
from notify_world import SAMPLES as PAID
from post_world import Counting, contact, post, send_all, store_of

AWAY = timedelta(minutes=10)

SAMPLES = {
    kind: dataclasses.replace(message, refunded=0) if kind in {"order_cancelled", "session_stopped"} else message
    for kind, message in PAID.items()
}
"""Ends that are sent: of those with a refund the inbox alone tells."""


def sent_after_waiting(service: Service, clock: ManualClock, news: Sequence[Any]) -> list[str]:
    """Kinds of what is sent when the provider comes back that was away while all this happened."""
    deliver(service, contact(phone=None))
    carrier = Counting("smtp", "email", lambda _: Later("away", "planted"))
    desk = post(store_of(service), carrier)
    for message in news:
        deliver(service, message)
        send_all(desk)
        clock.advance(timedelta(seconds=1))
    carrier.says = lambda letter: Sent(letter.key)
    clock.advance(AWAY)
    send_all(desk)
    return sorted(letter.kind for letter in carrier.carried)


def of(kind: str, clock: ManualClock) -> Any:
    """The sample, with a last moment that is to come."""
    message, until = SAMPLES[kind], KINDS[kind].until
    return dataclasses.replace(message, **{until: clock() + timedelta(hours=1)}) if until else message


@pytest.mark.parametrize(
    "earlier", ["order_entered", "order_waitlisted", "order_held", "order_offered", "order_confirmed"]
)
@pytest.mark.parametrize("end", sorted(ENDS & set(SAMPLES)))
def test_the_state_before_is_not_told_after_the_end(
    service: Service, clock: ManualClock, earlier: str, end: str
) -> None:
    sent = sent_after_waiting(service, clock, [of(earlier, clock), of(end, clock)])
    assert sent == [end]


@pytest.mark.parametrize("earlier", ["order_held", "order_offered"])
def test_nobody_is_asked_to_pay_what_is_confirmed(service: Service, clock: ManualClock, earlier: str) -> None:
    assert sent_after_waiting(service, clock, [of(earlier, clock), SAMPLES["order_confirmed"]]) == ["order_confirmed"]


def test_a_change_to_a_visit_that_is_cancelled_by_then(service: Service, clock: ManualClock) -> None:
    end = dataclasses.replace(SAMPLES["order_cancelled"], order_id="ord_2")
    assert sent_after_waiting(service, clock, [SAMPLES["order_rescheduled"], end]) == ["order_cancelled"]


@pytest.mark.parametrize("order", ["as it happened", "the other way round"])
def test_what_must_be_told_is_told_however_much_follows(service: Service, clock: ManualClock, order: str) -> None:
    """停诊, money, and what another order's news say."""
    other = dataclasses.replace(SAMPLES["order_cancelled"], order_id="ord_9")
    kinds = [
        "order_withdrawn",
        "visit_stopped",
        "session_stopped",
        "order_cancelled",
        "refund_succeeded",
        "visit_missed",
    ]
    must = [*(SAMPLES[kind] for kind in kinds), of("substitutes_offered", clock), other]
    sent = sent_after_waiting(service, clock, must if order == "as it happened" else must[::-1])
    assert sent == sorted([*kinds, "substitutes_offered", "order_cancelled"])


def test_news_of_other_orders_overtake_nothing(service: Service, clock: ManualClock) -> None:
    end = dataclasses.replace(SAMPLES["order_cancelled"], order_id="ord_2")
    sent = sent_after_waiting(service, clock, [SAMPLES["order_confirmed"], end])
    assert sent == ["order_cancelled", "order_confirmed"]


def test_kinds_that_can_be_overtaken_are_none_that_must_be_told() -> None:
    assert {kind for kind in KINDS if KINDS[kind].overtaken_by} & ENDS <= {"order_rescheduled"}
    assert set().union(*(how.overtaken_by for how in KINDS.values())) <= set(KINDS)
