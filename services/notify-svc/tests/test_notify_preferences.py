"""What people switch off, and what they cannot; quiet hours; the link in an e-mail."""

import dataclasses
from base64 import b64encode
from datetime import UTC, date, datetime, time, timedelta
from hashlib import sha256
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from common.clock import ManualClock
from common.service import Service
from common.testing import HOSTILE_VALUES, assert_problem, bearer, deliver
from flask.testing import FlaskClient
from notify_svc import unsubscribe
from notify_svc.delivery import QuietHours
from notify_svc.domain import Notification, rank
from notify_svc.reminders import Appointment
from notify_svc.usecases.planning import tell_person
from notify_world import SAMPLES, VISIT
from post_world import Counting, contact, log_of, post, send_all, states, store_of, tell_confirmed
from werkzeug.test import TestResponse

PATH = "/api/v1/notifications/preferences"
LINK = "/api/v1/notifications/unsubscribe"
ALL = {"orders": True, "reminders": True}


@pytest.fixture
def client(service: Service) -> FlaskClient:
    return service.app.test_client()


def patch(client: FlaskClient, body: Any, account_id: str = "acc_1") -> TestResponse:
    return client.patch(PATH, json=body, headers=bearer(account_id))


def remind(service: Service, order_id: str = "ord_1") -> None:
    """As the reminders' loop does."""
    store = store_of(service)
    now = store.clock()
    visit = {"order_id": order_id, "queue_number": 7, "visit": _visit()}
    name = f"reminder:{order_id}"
    told = Notification(name, "acc_1", "visit_soon", 1, {"visits": [visit]}, order_id, None, now, rank(now, name))
    with store.transaction() as tx:
        tell_person(tx, told, guard=[order_id], expires_at=now + timedelta(hours=2))


def _visit() -> dict[str, Any]:
    import msgspec

    built: dict[str, Any] = msgspec.to_builtins(VISIT)
    return built


def take_place(service: Service, order_id: str = "ord_1") -> None:
    store_of(service).visits.confirm([Appointment(order_id, "acc_1", VISIT.starts_at, 7, _visit(), VISIT.starts_at)])


def test_everything_is_wanted_until_somebody_says_otherwise_and_then_only_that_changes(client: FlaskClient) -> None:
    nothing_said = {"email": ALL, "sms": ALL, "quiet_hours": None}
    assert client.get(PATH, headers=bearer("acc_1")).get_json() == nothing_said
    changed = patch(client, {"sms": {"reminders": False}, "quiet_hours": {"from": "22:00", "to": "07:30"}})
    said = {
        **nothing_said,
        "sms": {"orders": True, "reminders": False},
        "quiet_hours": {"from": "22:00", "to": "07:30"},
    }
    assert (changed.status_code, changed.get_json()) == (200, said)
    assert patch(client, {"email": {"orders": False}}).get_json() == {
        **said,
        "email": {"orders": False, "reminders": True},
    }
    assert patch(client, {"quiet_hours": None}).get_json()["quiet_hours"] is None
    read = client.get(PATH, headers=bearer("acc_1")).get_json()
    assert (read["sms"]["reminders"], read["email"]["orders"], read["sms"]["orders"]) == (False, False, True)
    answered = patch(client, {"sms": {"reminders": True}}).get_json()["sms"]["reminders"]
    assert answered is True, "no number, as one who compares them would not see"
    assert client.get(PATH, headers=bearer("acc_2")).get_json() == nothing_said


@pytest.mark.parametrize("category", ["must", "security"])
def test_what_must_arrive_cannot_be_switched_off(client: FlaskClient, category: str) -> None:
    problem = assert_problem(patch(client, {"email": {category: False}}), 422)
    assert "cannot be switched off" in str(problem["errors"])
    assert patch(client, {"email": {category: True}}).status_code == 200


@pytest.mark.parametrize(
    "body",
    [
        {"email": {"orders": "perhaps"}},
        {"email": {"news": True}},
        {"fax": {"orders": True}},
        {"quiet_hours": {"from": "22:00"}},
        {"quiet_hours": {"from": "24:00", "to": "07:00"}},
        {"quiet_hours": {"from": "07:00", "to": "07:00"}},
        {"quiet_hours": {"from": "7:00", "to": "08:00\n"}},
        {"email": None},
    ],
)
def test_bad_input_is_refused(client: FlaskClient, body: Any) -> None:
    assert_problem(patch(client, body), 422)


def test_hostile_input_is_never_more_than_refused(client: FlaskClient) -> None:
    for value in HOSTILE_VALUES:
        for body in ({"email": value}, {"sms": {"orders": value}}, {"quiet_hours": {"from": value, "to": value}}):
            assert patch(client, body).status_code < 500, body
    assert client.patch(PATH, json={}).status_code == 401


def test_what_is_switched_off_is_neither_planned_nor_sent_and_what_must_arrive_is(
    service: Service, client: FlaskClient
) -> None:
    store, sms = store_of(service), Counting("alibaba", "sms")
    deliver(service, contact(email=None))
    tell_confirmed(service, order_id="ord_1")
    patch(client, {"sms": {"orders": False}})
    tell_confirmed(service, order_id="ord_2")
    deliver(service, SAMPLES["visit_stopped"], SAMPLES["security_password_changed"])
    send_all(post(store, sms))
    assert sorted(letter.kind for letter in sms.carried) == ["security_password_changed", "visit_stopped"]
    assert states(store) == {"sent": 2, "skipped: opted_out": 1}


@pytest.mark.parametrize(
    ("begin", "end", "at", "until"),
    [
        ("22:00", "07:00", "23:30", "2026-11-23 07:00"),
        ("22:00", "07:00", "22:00", "2026-11-23 07:00"),
        ("22:00", "07:00", "06:59", "2026-11-22 07:00"),
        ("22:00", "07:00", "07:00", None),
        ("22:00", "07:00", "21:59", None),
        ("12:00", "14:00", "13:00", "2026-11-22 14:00"),
        ("12:00", "14:00", "14:00", None),
        ("12:00", "00:00", "23:59", "2026-11-23 00:00"),
    ],
)
def test_quiet_hours_are_beijings(begin: str, end: str, at: str, until: str | None) -> None:
    quiet = QuietHours(time.fromisoformat(begin), time.fromisoformat(end))
    now = datetime.combine(date(2026, 11, 22), time.fromisoformat(at)).replace(tzinfo=UTC) - timedelta(hours=8)
    found = quiet.until(now)
    assert (found and f"{found:%Y-%m-%d %H:%M}") == until


def set_quiet(client: FlaskClient, now: datetime, hours: int) -> None:
    beijing = now + timedelta(hours=8)
    begin, end = beijing - timedelta(hours=1), beijing + timedelta(hours=hours)
    patch(client, {"quiet_hours": {"from": f"{begin:%H:%M}", "to": f"{end:%H:%M}"}})


def test_quiet_hours_put_off_what_can_wait_and_nothing_else(
    service: Service, client: FlaskClient, clock: ManualClock
) -> None:
    store, sms = store_of(service), Counting("alibaba", "sms")
    deliver(service, contact(email=None))
    set_quiet(client, clock(), 3)
    tell_confirmed(service, order_id="ord_2")
    held = dataclasses.replace(SAMPLES["order_held"], pay_before=clock() + timedelta(hours=1))
    deliver(service, held, SAMPLES["visit_stopped"])
    send_all(post(store, sms))
    assert [letter.kind for letter in sms.carried] == ["visit_stopped"]
    assert states(store) == {"sent": 1, "waiting": 1, "skipped: quiet_hours": 1}
    clock.advance(timedelta(hours=3))
    send_all(post(store, sms))
    assert [letter.kind for letter in sms.carried] == ["visit_stopped", "order_confirmed"]


def test_a_reminder_of_a_visit_that_was_cancelled_meanwhile_is_not_sent(service: Service) -> None:
    """Fault 14: planned before the cancellation, sent after it."""
    store, sms = store_of(service), Counting("alibaba", "sms")
    deliver(service, contact(email=None))
    for order_id in ("ord_1", "ord_2"):
        take_place(service, order_id)
        remind(service, order_id)
    store.visits.end({"ord_1": ("acc_1", store.clock())})
    send_all(post(store, sms))
    assert log_of(store) == {"reminder:ord_1:sms": "skipped: no_longer_stands", "reminder:ord_2:sms": "sent"}


def link_of(service: Service) -> str:
    """The link in an e-mail about an order."""
    email = Counting("smtp", "email")
    deliver(service, contact(phone=None))
    tell_confirmed(service)
    send_all(post(store_of(service), email))
    url = urlsplit(next(letter.unsubscribe for letter in email.carried if letter.kind == "order_confirmed"))
    assert url.path == LINK
    return parse_qs(url.query)["token"][0]


def test_looking_at_the_link_changes_nothing_and_its_button_does(service: Service, client: FlaskClient) -> None:
    """Fault 19: mail scanners follow links."""
    token, me = link_of(service), bearer("acc_1")
    for method in (client.get, client.head):
        page = method(LINK, query_string={"token": token})
        assert page.status_code == 200
    shown = client.get(LINK, query_string={"token": token}).get_data(as_text=True)
    assert "退订" in shown
    assert "Unsubscribe" in shown
    assert 'method="post"' in shown
    assert client.get(PATH, headers=me).get_json()["email"] == ALL
    done = client.post(LINK, query_string={"token": token}, data={"List-Unsubscribe": "One-Click"})
    assert done.status_code == 200
    assert client.get(PATH, headers=me).get_json() == {
        "email": {"orders": False, "reminders": True},
        "sms": ALL,
        "quiet_hours": None,
    }
    assert client.post(LINK, query_string={"token": token}).status_code == 200, "the button of the page, and again"


def test_only_letters_that_may_be_switched_off_have_a_link(service: Service) -> None:
    email = Counting("smtp", "email")
    deliver(service, contact(phone=None), SAMPLES["visit_stopped"], SAMPLES["security_password_changed"])
    send_all(post(store_of(service), email))
    assert [letter.unsubscribe for letter in email.carried] == ["", ""]


def test_a_link_that_is_not_ours_does_nothing(service: Service, client: FlaskClient) -> None:
    token = link_of(service)
    told, _, proof = token.rpartition(".")
    forged = [
        "", ".", "x", "ä.ö", token[:-1], f"{told}.{proof[:-1]}0", f"acc_2{token[5:]}",
        token.replace("orders", "reminders"), token.replace("email", "sms"), "a.b.c.d" * 40,
    ]  # fmt: skip
    for wrong in forged:
        for method in (client.get, client.post):
            assert_problem(method(LINK, query_string={"token": wrong}), 404, "token_not_found")
    for method in (client.get, client.post):
        assert_problem(method(LINK), 404, "token_not_found")
        assert_problem(method(LINK, query_string={"token": "x" * 1000}), 404, "token_not_found")
    assert client.get(PATH, headers=bearer("acc_1")).get_json()["email"] == ALL
    assert unsubscribe.read(token) == ("acc_1", "email", "orders")


def test_a_browser_is_shown_a_page_in_both_languages_for_a_link_that_is_not_ours(client: FlaskClient) -> None:
    browser = {"Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"}
    for method in (client.get, client.post):
        for query in ("", "?token=", "?tok=x", "?token=" + "x" * 1000):
            page = method(LINK + query, headers=browser)
            assert (page.status_code, page.mimetype) == (404, "text/html")
            assert "此链接无效" in page.get_data(as_text=True)
            assert "not valid" in page.get_data(as_text=True)


def test_the_page_may_show_its_own_style_and_nothing_else(service: Service, client: FlaskClient) -> None:
    page = client.get(LINK, query_string={"token": link_of(service)})
    style = page.get_data(as_text=True).partition("<style>")[2].partition("</style>")[0]
    digest = b64encode(sha256(style.encode()).digest()).decode()
    assert style
    assert page.headers["Content-Security-Policy"].split("; ") == [
        "default-src 'none'",
        f"style-src 'sha256-{digest}'",
        "form-action 'self'",
    ]
