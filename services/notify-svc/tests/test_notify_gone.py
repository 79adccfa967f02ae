"""Who has ended her account stays forgotten, whatever is heard of her afterwards; the audit and the staff go on hearing."""

from datetime import timedelta

import pytest
from common import messages as m
from common.clock import ManualClock
from common.service import Service
from common.testing import deliver
from notify_svc.domain import OPERATORS, staff_of
from notify_svc.usecases import reminders
from notify_world import SAMPLES
from post_world import contact, log_of, store_of, tell_confirmed
from reminder_world import MONDAY, confirmed, drain

LATE = (
    "user_registered",
    "order_confirmed",
    "order_withdrawn",
    "order_cancelled",
    "visit_missed",
    "credit_recorded",
    "payment_succeeded",
    "refund_succeeded",
    "security_password_changed",
)


def end(clock: ManualClock) -> m.AccountDeleted:
    return m.AccountDeleted("acc_1", ["pat_1"], clock())


def assert_nothing_is_kept(service: Service) -> None:
    store = store_of(service)
    own = [d for d in store.notifications.collection.find() if not d["recipient"].startswith("role:")]
    assert own
    assert [(d["recipient"], d["params"], bool(d["unread"])) for d in own] == [("", {}, False)] * len(own)
    assert list(store.visits.collection.find()) == []
    assert list(store.reminders.collection.find()) == []
    assert log_of(store) == {}


@pytest.mark.parametrize("kind", LATE)
def test_what_comes_late_leaves_a_blank_row_and_nothing_else(service: Service, clock: ManualClock, kind: str) -> None:
    deliver(service, contact(), end(clock))
    deliver(service, SAMPLES[kind])
    assert_nothing_is_kept(service)
    order_id = getattr(SAMPLES[kind], "order_id", None) or ("ord_1" if kind == "credit_recorded" else None)
    if order_id:
        assert service.figures()["by_order"][order_id] == {kind: 1}, "the audit still sees that it was told"
    assert service.figures()["by_kind"] == {kind: 1}


def test_what_comes_in_the_batch_of_the_end_too(service: Service, clock: ManualClock) -> None:
    deliver(service, contact())
    deliver(service, SAMPLES["order_confirmed"], end(clock), SAMPLES["order_cancelled"], contact(revision=9))
    assert_nothing_is_kept(service)
    deliver(service, confirmed("ord_2"))
    assert_nothing_is_kept(service)


def test_an_end_between_a_reminders_claim_and_its_telling(
    service: Service, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = store_of(service)
    clock.set(MONDAY + timedelta(hours=9))
    deliver(service, contact(), confirmed("ord_1"))
    clock.set(MONDAY + timedelta(hours=18, minutes=1))
    ends = iter([lambda: deliver(service, end(clock))])
    with monkeypatch.context() as patch:
        patch.setattr(reminders, "reach", lambda _: next(ends, lambda: None)())
        assert reminders.fire_due(store) == 1
    assert next(ends, None) is None, "it came when it should"
    assert_nothing_is_kept(service)
    drain(store)
    assert_nothing_is_kept(service)


def test_the_staff_still_hear_of_a_gone_patients_refund(service: Service, clock: ManualClock) -> None:
    deliver(service, contact())
    tell_confirmed(service)
    deliver(service, end(clock))
    deliver(service, SAMPLES["refund_stalled"])
    told = {d["recipient"] for d in store_of(service).notifications.collection.find({"kind": "refund_stalled_staff"})}
    assert told == {OPERATORS, staff_of("cashier", "hos_1")}
    assert_nothing_is_kept(service)


def test_others_are_told_as_ever(service: Service, clock: ManualClock) -> None:
    deliver(service, contact(), contact("acc_2"), end(clock))
    tell_confirmed(service)
    tell_confirmed(service, "acc_2", "ord_2")
    assert {d["recipient"] for d in store_of(service).notifications.collection.find()} == {"", "acc_2"}
    assert len(log_of(store_of(service))) == 2
