"""Messages become notifications, once each; and who sees which of them."""

import dataclasses
import random
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from common import messages as m
from common.clock import SHANGHAI, ManualClock
from common.envelope import seal
from common.service import Service
from common.testing import assert_problem, bearer, deliver
from hypothesis import given, settings
from hypothesis import strategies as st
from notify_svc import domain
from notify_svc.app import Settings, build
from notify_svc.store import MongoStore
from notify_svc.worker import subscriptions
from notify_world import MARK, MOMENT, SAMPLES, VISIT, Reader, bodies, credit
from post_world import VAULT

STAFF = {"refund_stalled": ["refund_stalled_staff"], "refund_failed": ["refund_failed_staff"]}


@pytest.mark.parametrize("kind", SAMPLES)
def test_each_message_is_told_to_its_owner_once(service: Service, kind: str) -> None:
    body = bodies([SAMPLES[kind]])
    service.processor.process(body)
    service.processor.process(body + body)
    (item,) = Reader(service, "acc_1").items()
    assert item["kind"] == kind
    assert item["order_id"] == domain.order_of(SAMPLES[kind])
    assert item["read_at"] is None
    assert item["title"]
    assert item["text"]
    assert item["created_at"] == MOMENT.astimezone(SHANGHAI).isoformat()
    assert Reader(service, "acc_2").kinds() == []
    assert Reader(service, "acc_9", "operator").kinds() == STAFF.get(kind, [])


def test_every_message_has_a_sample() -> None:
    silent = {m.MoneyAlarmRaised, m.MoneyAlarmCleared, m.ContactChanged, m.AccountDeleted, m.CodeIssued, m.PatientSaved}
    assert set(subscriptions(VAULT)) == {type(message) for message in SAMPLES.values()} | silent


def test_a_mark_is_told_beside_the_order_that_is_its_evidence(service: Service) -> None:
    other = dataclasses.replace(MARK, id="mrk_2", order_id="ord_9")
    deliver(service, credit("recorded", MARK, other), credit("lifted"), SAMPLES["order_entered"])
    reader = Reader(service, "acc_1")
    told = {item["kind"]: item["order_id"] for item in reader.items()}
    assert told == {"credit_recorded": "ord_1", "credit_lifted": None, "order_entered": "ord_1"}


def test_a_missed_visit_is_told_once_and_not_who_noted_it(service: Service) -> None:
    """VisitMissed holds all that the patient needs: the mark that is made of it is no second piece of news."""
    no_show = dataclasses.replace(MARK, kind="no_show", notice_hours=None)
    late_cancel = dataclasses.replace(MARK, id="mrk_2", order_id="ord_9")
    deliver(service, SAMPLES["visit_missed"], credit("recorded", no_show, late_cancel))
    reader = Reader(service, "acc_1")
    assert reader.kinds() == ["visit_missed"]
    assert isinstance(service.store, MongoStore)
    (kept,) = service.store.notifications.all_told()
    assert "acc_7" not in str(kept), "the account of the member of staff"
    deliver(service, credit("recorded", late_cancel, no_show), credit("upheld", no_show))
    assert sorted(reader.kinds()) == ["credit_recorded", "credit_upheld", "visit_missed"]


def test_what_was_told_in_an_older_version_is_shown_by_it(service: Service) -> None:
    """A notification of before hospitals had rules, as that release wrote it."""
    store = service.store
    assert isinstance(store, MongoStore)
    old = {"order_id": "ord_1", "account_id": "acc_1", "session_id": "ses_1", "reason": "sold_out"}
    rank = domain.rank(MOMENT, "n1")
    with store.transaction() as tx:
        tx.add(domain.Notification("n1", "acc_1", "order_rejected", 1, old, "ord_1", None, MOMENT, rank))
    (item,) = Reader(service, "acc_1").items()
    assert item["text"] == "原因：号源已满。\n没有产生任何费用。\n下一步：可选择其他时段或其他医生。"
    deliver(service, m.OrderRejectedV1("ord_2", "acc_1", "ses_1", "sold_out"))
    newer = Reader(service, "acc_1").items()[0]
    assert newer["order_id"] == "ord_2"
    assert "可加入候补" in newer["text"], "one that comes now is told by the newest version"


def test_a_refund_that_fails_is_told_to_the_cashiers_of_that_hospital(service: Service) -> None:
    deliver(service, SAMPLES["order_confirmed"])
    deliver(service, SAMPLES["refund_stalled"])
    assert Reader(service, "acc_5", "cashier", hospital_id="hos_1").kinds() == ["refund_stalled_staff"]
    assert Reader(service, "acc_6", "cashier", hospital_id="hos_2").kinds() == []
    assert Reader(service, "acc_7", "registrar", hospital_id="hos_1").kinds() == []
    assert Reader(service, "acc_8", "operator").kinds() == ["refund_stalled_staff"]


def test_the_hospital_is_known_from_the_same_batch(service: Service) -> None:
    deliver(service, SAMPLES["order_held"], SAMPLES["refund_stalled"], SAMPLES["refund_failed"])
    kinds = Reader(service, "acc_5", "cashier", hospital_id="hos_1").kinds()
    assert sorted(kinds) == ["refund_failed_staff", "refund_stalled_staff"]


def test_a_cancelled_orders_refund_is_told_to_its_patient_once(service: Service) -> None:
    """RefundFailed and RefundStalled speak of the same refund: the patient hears of the second only."""
    failed = m.RefundFailed("ord_1", "acc_1", "ref_1", 5000, "order", "no")
    deliver(service, failed, SAMPLES["refund_stalled"])
    assert Reader(service, "acc_1").kinds() == ["refund_stalled"]
    assert sorted(Reader(service, "acc_8", "operator").kinds()) == ["refund_failed_staff", "refund_stalled_staff"]


@pytest.mark.parametrize("kind", ["refund_failed", "refund_succeeded", "surplus_refunded", "payment_succeeded"])
def test_what_payment_svc_says_again_when_it_is_asked_again_is_no_news(service: Service, kind: str) -> None:
    deliver(service, SAMPLES[kind])
    deliver(service, SAMPLES[kind])
    assert Reader(service, "acc_1").kinds() == [kind]
    assert Reader(service, "acc_8", "operator").kinds() == STAFF.get(kind, [])


def test_a_refund_that_was_issued_anew_and_failed_again_is_news(service: Service) -> None:
    failed = m.RefundFailed("ord_1", "acc_1", "ref_1", 5000, "order", "no")
    deliver(service, failed, dataclasses.replace(failed, refund_id="ref_2"))
    assert Reader(service, "acc_8", "operator").kinds() == ["refund_failed_staff"] * 2


def test_newest_first_by_the_time_of_the_event_in_pages(service: Service) -> None:
    messages = [m.OrderPlaced(f"ord_{n:03d}", "acc_1", "pat_1", "ses_1", MOMENT) for n in range(23)]
    sealed = [seal(message, MOMENT + timedelta(seconds=n // 2)).body for n, message in enumerate(messages)]
    random.Random(7).shuffle(sealed)
    for start in range(0, 23, 5):
        service.processor.process(sealed[start : start + 5])
    reader, seen, query = Reader(service, "acc_1"), [], "?limit=4"
    while True:
        page = reader.get(query).get_json()
        seen += page["items"]
        assert len(page["items"]) <= 4
        if page["next_cursor"] is None:
            break
        query = f"?limit=4&cursor={page['next_cursor']}"
    assert sorted(item["order_id"] for item in seen) == [f"ord_{n:03d}" for n in range(23)]
    assert [item["created_at"] for item in seen] == sorted((item["created_at"] for item in seen), reverse=True)


def test_pages_over_several_inboxes_lose_nothing_at_the_border(service: Service) -> None:
    """One message for the operators and for the cashiers has one moment: the border of a page may lie between."""
    deliver(service, SAMPLES["order_held"], SAMPLES["refund_stalled"])
    both = Reader(service, "acc_1", "patient", "cashier", "operator", hospital_id="hos_1")
    seen, query = [], "?limit=1"
    while True:
        page = both.get(query).get_json()
        seen += [item["id"] for item in page["items"]]
        if page["next_cursor"] is None:
            break
        query = f"?limit=1&cursor={page['next_cursor']}"
    assert len(seen) == len(set(seen)) == 4


def test_reading_is_noted_once(service: Service, clock: ManualClock) -> None:
    deliver(service, SAMPLES["order_held"], SAMPLES["order_confirmed"])
    reader = Reader(service, "acc_1")
    wanted = reader.items()[0]["id"]
    first = reader.read(wanted)
    assert first.status_code == 200
    assert first.get_json()["read_at"] == clock().astimezone(SHANGHAI).isoformat()
    clock.advance(timedelta(hours=1))
    again = reader.read(wanted)
    assert (again.status_code, again.get_json()) == (200, first.get_json())
    assert [item["id"] for item in reader.items("?unread=true")] == [
        i["id"] for i in reader.items() if i["id"] != wanted
    ]
    assert len(reader.items("?unread=false")) == 2


def test_of_two_readers_of_a_role_the_first_is_kept(service: Service, clock: ManualClock) -> None:
    """Both have seen it unread; the second to write does not take the place of the first."""
    deliver(service, SAMPLES["refund_stalled"])
    store = service.store
    assert isinstance(store, MongoStore)
    wanted, first = Reader(service, "acc_8", "operator").items()[0]["id"], clock()
    store.notifications.mark_read(wanted, "acc_8", clock())
    clock.advance(timedelta(minutes=1))
    store.notifications.mark_read(wanted, "acc_9", clock())
    found = store.notifications.collection.find_one({"_id": wanted})
    assert found is not None
    assert found["read_by"] == "acc_8"
    assert store.notifications.get(wanted).read_at == first


def test_nobody_reads_anothers(service: Service) -> None:
    deliver(service, SAMPLES["order_confirmed"], SAMPLES["refund_stalled"])
    mine = Reader(service, "acc_1").items()
    theirs = Reader(service, "acc_8", "operator").items()
    cashiers = Reader(service, "acc_5", "cashier", hospital_id="hos_1").items()
    for stranger in (Reader(service, "acc_2"), Reader(service, "acc_3", "cashier", "registrar", hospital_id="hos_2")):
        for item in mine + theirs + cashiers:
            assert_problem(stranger.read(item["id"]), 404, "notification_not_found")
    for item in theirs + cashiers:
        assert_problem(Reader(service, "acc_1").read(item["id"]), 404)
    for item in mine:
        assert_problem(Reader(service, "acc_8", "operator").read(item["id"]), 404)
    assert all(item["read_at"] is None for item in Reader(service, "acc_1").items())


def test_an_account_cannot_take_the_name_of_a_role(service: Service) -> None:
    deliver(service, SAMPLES["refund_stalled"])
    assert domain.recipients_of("acc_1", {"patient", "cashier"}, "") == ["acc_1"]
    assert Reader(service, "acc_1", "cashier", hospital_id="").kinds() == ["refund_stalled"]


def test_without_a_token(service: Service) -> None:
    client = service.app.test_client()
    assert_problem(client.get("/api/v1/notifications"), 401)
    assert_problem(client.post("/api/v1/notifications/x/read"), 401)


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("?limit=0", "limit"),
        ("?limit=201", "limit"),
        ("?limit=x", "limit"),
        ("?limit=1e999", "limit"),
        ("?unread=maybe", "unread"),
        ("?cursor=nonsense!", "cursor"),
        ("?cursor=WzVd", "cursor"),  # [5]
        ("?cursor=WyJhIiwiYiJd", "cursor"),  # ["a","b"]
        ("?recipient=acc_2", "recipient"),
        ("?limit=1&limit=2", "limit"),
    ],
)
def test_bad_queries(service: Service, query: str, field: str) -> None:
    assert_problem(Reader(service, "acc_1").get(query), 422, field=field)


@pytest.mark.parametrize(
    "ident", ["%00", "%ED%A0%80", "x" * 3000, "$where", "{'$gt':''}", "a%2Fb", "%F0%9F%98%80", "1e999"]
)
def test_hostile_ids(service: Service, ident: str) -> None:
    answer = Reader(service, "acc_1").read(ident)
    assert answer.status_code in {404, 422}, answer.get_data()
    assert answer.content_type == "application/problem+json"


@settings(max_examples=60, deadline=None)
@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=40))
def test_no_cursor_is_answered_with_a_fault_of_ours(lasting: Service, text: str) -> None:
    client = lasting.app.test_client()
    answer = client.get("/api/v1/notifications", query_string={"cursor": text, "limit": text}, headers=bearer("acc_1"))
    assert answer.status_code in {200, 422}


@pytest.fixture(scope="module")
def lasting(double: str) -> Iterator[Service]:
    made = build(Settings(mongo_url=f"{double}/lasting"))
    made.migrate()
    yield made
    assert isinstance(made.store, MongoStore)
    made.store.close()


@pytest.mark.parametrize(
    ("header", "locale", "title"),
    [
        (None, "zh-CN", "挂号成功"),
        ("zh", "zh-CN", "挂号成功"),
        ("zh-TW,zh;q=0.9,en;q=0.8", "zh-CN", "挂号成功"),
        ("en", "en", "Your appointment is confirmed"),
        ("en-GB,en;q=0.9,zh;q=0.5", "en", "Your appointment is confirmed"),
        ("fr-FR,en;q=0.5", "en", "Your appointment is confirmed"),
        ("fr", "zh-CN", "挂号成功"),
        ("fr,en;q=0", "zh-CN", "挂号成功"),
        ("*", "zh-CN", "挂号成功"),
        ("\x7f;;q=x" * 50, "zh-CN", "挂号成功"),
    ],
)
def test_the_readers_language(service: Service, header: str | None, locale: str, title: str) -> None:
    deliver(service, SAMPLES["order_confirmed"])
    reader, headers = Reader(service, "acc_1"), {"Accept-Language": header} if header else {}
    answer = reader.get(**headers)
    assert (answer.headers["Content-Language"], answer.headers["Vary"]) == (locale, "Accept-Language")
    item = answer.get_json()["items"][0]
    assert item["title"] == title
    assert reader.read(item["id"], **headers).get_json()["title"] == title


def test_the_figures_for_the_audit(service: Service) -> None:
    deliver(service, *SAMPLES.values())
    figures: Any = service.figures()
    assert figures["by_kind"]["order_confirmed"] == 1
    assert figures["by_order"]["ord_1"]["order_held"] == 1
    assert figures["notifications"] == sum(figures["by_kind"].values()) == len(SAMPLES) + 4, (
        "two for staff, two inboxes each"
    )
    assert figures["undelivered"] == figures["untold"] == []
    assert figures["chassis"] == {"outbox": 0, "parked": [], "overdue": []}


def test_the_visit_travels_whole(service: Service) -> None:
    deliver(service, SAMPLES["order_held"])
    text = Reader(service, "acc_1").items()[0]["text"]
    for fact in (VISIT.doctor_name, VISIT.room, "2026年11月24日 星期二", "08:30", "7", "¥50.00", "14:20"):
        assert fact in text
