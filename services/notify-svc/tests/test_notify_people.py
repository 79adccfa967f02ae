"""Whose visit it is: the masked names of the people whom an account books for, in what it is told."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from common import messages as m
from common.clock import ManualClock
from common.service import Service
from common.testing import deliver
from notify_svc.calendars import calendar_of
from notify_svc.domain import OPERATORS
from notify_svc.store.people import KEPT
from notify_svc.usecases import reminders, upkeep
from notify_world import MOMENT, SAMPLES, VISIT, Reader
from post_world import store_of

NAMED = m.PatientSaved("pat_1", "acc_1", 3, "张*", removed=False)
NO_ORDER = {"user_registered", "security_password_changed", "roster_applied"}


def tell(service: Service, *messages: Any) -> None:
    """Each in a batch of its own, as they come one after the other."""
    for message in messages:
        deliver(service, message)


def texts(service: Service, locale: str = "zh-CN") -> dict[str, str]:
    items = Reader(service, "acc_1").items("?limit=100", **{"Accept-Language": locale})
    return {item["kind"]: item["text"] for item in items}


@pytest.mark.parametrize("kind", sorted(set(SAMPLES) - NO_ORDER))
def test_all_news_of_an_order_say_whose_it_is(service: Service, kind: str) -> None:
    tell(service, NAMED, SAMPLES["order_placed"], SAMPLES[kind])
    assert "就诊人：张*" in texts(service)[kind]
    assert "Patient: 张*" in texts(service, "en")[kind]


def test_news_of_one_batch_too(service: Service) -> None:
    tell(service, NAMED)
    deliver(service, SAMPLES["order_placed"], SAMPLES["order_held"], SAMPLES["payment_succeeded"])
    assert "就诊人：张*" in texts(service)["order_held"]
    assert "王立新" in texts(service)["payment_succeeded"]


@pytest.mark.parametrize(
    "kind", ["payment_succeeded", "payment_failed", "refund_succeeded", "refund_stalled", "refund_failed"]
)
def test_news_of_money_say_for_which_visit(service: Service, kind: str) -> None:
    tell(service, SAMPLES["order_held"], SAMPLES[kind])
    for told in ("仁济医院", "心内科", "王立新", "2026年11月24日 星期二 08:30"):
        assert told in texts(service)[kind]
    assert "王立新, 心内科, 仁济医院" in texts(service, "en")[kind]


def test_after_a_move_the_old_orders_money_is_of_the_old_visit(service: Service) -> None:
    moved = replace(SAMPLES["order_rescheduled"], visit=replace(VISIT, doctor_name="李秀兰"))
    tell(service, SAMPLES["order_confirmed"], moved, SAMPLES["surplus_refunded"])
    assert "王立新" in texts(service)["surplus_refunded"]
    assert "李秀兰" not in texts(service)["surplus_refunded"]


def test_what_is_not_known_is_left_out(service: Service) -> None:
    tell(service, SAMPLES["order_placed"], SAMPLES["order_confirmed"], SAMPLES["payment_failed"])
    for text in texts(service).values():
        assert "就诊人：" not in text
    tell(service, NAMED)
    assert "张*" not in texts(service)["order_confirmed"], "what was told stays as it was told"


def test_another_accounts_order_lends_nothing(service: Service) -> None:
    theirs = replace(SAMPLES["payment_succeeded"], account_id="acc_2")
    tell(service, NAMED, SAMPLES["order_confirmed"], theirs)
    (item,) = Reader(service, "acc_2").items()
    assert "张*" not in item["text"]
    assert "王立新" not in item["text"]


def test_the_staff_are_not_told_who_it_is(service: Service) -> None:
    tell(service, NAMED, SAMPLES["order_confirmed"], SAMPLES["refund_stalled"])
    (staffs,) = [d for d in store_of(service).notifications.collection.find() if d["recipient"] == OPERATORS]
    assert "_patient" not in staffs["params"]


def test_the_newest_name_counts_in_whatever_order_it_comes(service: Service) -> None:
    people = store_of(service).people
    tell(service, replace(NAMED, revision=5, masked_name="李*"), NAMED, NAMED)
    assert people.name_of("pat_1") == "李*"
    tell(service, replace(NAMED, revision=6, masked_name="-", removed=True))
    assert people.name_of("pat_1") == "李*", "her orders stand"
    tell(service, replace(NAMED, revision=5, masked_name="赵*"))
    assert people.name_of("pat_1") == "李*"
    tell(service, replace(NAMED, patient_id="pat_2", removed=True, masked_name="-"))
    assert people.name_of("pat_2") == people.name_of("pat_3") == ""


def test_who_was_taken_off_is_forgotten_in_the_end_and_nobody_else(service: Service, clock: ManualClock) -> None:
    store = store_of(service)
    tell(service, NAMED, replace(NAMED, revision=4, removed=True), replace(NAMED, patient_id="pat_2"))
    clock.advance(KEPT - timedelta(seconds=1))
    upkeep.forget(store)
    assert store.people.name_of("pat_1") == "张*"
    clock.advance(timedelta(seconds=1))
    upkeep.forget(store)
    assert [d["_id"] for d in store.people.collection.find()] == ["pat_2"]


def test_with_the_account_its_people_are_forgotten_for_good(service: Service) -> None:
    tell(service, NAMED, replace(NAMED, patient_id="pat_2"), replace(NAMED, patient_id="pat_9", account_id="acc_9"))
    tell(service, m.AccountDeleted("acc_1", ["pat_1", "pat_3"], MOMENT))
    tell(
        service,
        replace(NAMED, revision=99),
        replace(NAMED, patient_id="pat_2", revision=99),
        replace(NAMED, patient_id="pat_3"),
    )
    left = {d["_id"]: (d["name"], d["account_id"]) for d in store_of(service).people.collection.find()}
    assert left == {**dict.fromkeys(("pat_1", "pat_2", "pat_3"), ("", "")), "pat_9": ("张*", "acc_9")}


def test_a_reminder_names_each_visits_patient(service: Service, clock: ManualClock) -> None:
    clock.set(MOMENT)
    other = replace(NAMED, patient_id="pat_2", masked_name="李**")
    later = replace(VISIT, starts_at=VISIT.starts_at + timedelta(hours=1), ends_at=VISIT.ends_at + timedelta(hours=1))
    mine = SAMPLES["order_confirmed"]
    tell(service, NAMED, other, mine, replace(mine, order_id="ord_2", patient_id="pat_2", visit=later))
    clock.set(MOMENT + timedelta(days=1, hours=6))
    while reminders.fire_due(store_of(service)):
        pass
    text = texts(service)["visit_tomorrow"]
    assert "1. 08:30 张*，仁济医院" in text
    assert "2. 09:30 李**，仁济医院" in text


@pytest.mark.parametrize(
    ("locale", "title"), [("zh-CN", "就诊：张*，心内科 王立新"), ("en", "Doctor's appointment: 张*, 王立新")]
)
def test_a_calendar_says_whose_visit_it_is(service: Service, locale: str, title: str) -> None:
    tell(service, NAMED, SAMPLES["order_confirmed"])
    (document,) = store_of(service).notifications.collection.find()
    made = calendar_of("order_confirmed", document["params"], locale, at=MOMENT, organizer="a@example.com")
    assert made is not None
    assert f"SUMMARY:{title}".replace(",", "\\,").encode() in made.body.replace(b"\r\n ", b"")
