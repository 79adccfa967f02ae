"""The log of deliveries: who, what, when, through what, how often, why not; and sending anew."""

from datetime import timedelta
from typing import Any

import pytest
from common.clock import ManualClock
from common.service import Service
from common.testing import HOSTILE_TEXTS, assert_problem, bearer, deliver
from flask.testing import FlaskClient
from marshmallow import Schema
from notify_svc.api.deliveries import DeliveryOut
from notify_svc.channels import Later, Refused, Sent
from notify_world import Reader
from post_world import EMAIL, PHONE, Counting, code, contact, log_of, post, send_all, states, store_of, tell_confirmed

PATH = "/api/v1/deliveries"
OPERATOR = bearer("acc_9", "operator")


@pytest.fixture
def client(service: Service) -> FlaskClient:
    return service.app.test_client()


def listed(client: FlaskClient, query: str = "") -> list[dict[str, Any]]:
    answer = client.get(f"{PATH}{query}", headers=OPERATOR)
    assert answer.status_code == 200, answer.get_data()
    items: list[dict[str, Any]] = answer.get_json()["items"]
    return items


def test_a_delivery_tells_who_what_when_through_what_how_often(
    service: Service, client: FlaskClient, clock: ManualClock
) -> None:
    deliver(service, contact(email=None))
    tell_confirmed(service)
    answers = iter([Later("throttled", "too many"), Sent("biz-1")])
    carrier = Counting("alibaba", "sms", lambda _letter: next(answers))
    send_all(post(store_of(service), carrier))
    clock.advance(timedelta(minutes=1))
    send_all(post(store_of(service), carrier))
    (found,) = listed(client)
    assert client.get(f"{PATH}/{found['id']}", headers=OPERATOR).get_json() == found
    assert (found["account_id"], found["to"], found["kind"], found["order_id"]) == (
        "acc_1",
        "138****1234",
        "order_confirmed",
        "ord_1",
    )
    assert (found["state"], found["provider"], found["reference"]) == ("sent", "alibaba", "biz-1")
    assert [(a["outcome"], a["code"]) for a in found["attempts"]] == [("later", "throttled"), ("sent", "")]
    assert found["attempts"][0]["at"] < found["attempts"][1]["at"] <= found["ended_at"]
    assert PHONE not in str(found)
    schema: Schema = DeliveryOut()
    assert schema.validate(found) == {}


def test_filters_and_pages(service: Service, client: FlaskClient, clock: ManualClock) -> None:
    deliver(service, contact(), contact("acc_2", phone=None))
    for n in range(5):
        clock.advance(timedelta(seconds=1))
        tell_confirmed(service, order_id=f"ord_{n}")
    tell_confirmed(service, "acc_2", "ord_9")
    send_all(post(store_of(service), Counting("smtp", "email")), "email")
    assert len(listed(client)) == 11
    assert len(listed(client, "?state=sent")) == len(listed(client, "?channel=email")) == 6
    assert len(listed(client, "?account_id=acc_1&state=sent")) == 5
    assert {d["order_id"] for d in listed(client, "?order_id=ord_3")} == {"ord_3"}
    (email, sms) = listed(client, "?order_id=ord_3")
    assert {email["channel"], sms["channel"]} == {"email", "sms"}
    assert len(listed(client, f"?notification_id={email['notification_id']}&channel=sms")) == 1
    assert listed(client, "?account_id=nobody") == []
    seen, query = [], "?limit=3"
    while True:
        page = client.get(f"{PATH}{query}", headers=OPERATOR).get_json()
        seen += [d["id"] for d in page["items"]]
        if page["next_cursor"] is None:
            break
        query = f"?limit=3&cursor={page['next_cursor']}"
    assert seen == [d["id"] for d in listed(client)]


@pytest.mark.parametrize("role", ["patient", "doctor", "registrar", "cashier", "hospital_admin"])
def test_the_log_is_the_operators(service: Service, client: FlaskClient, role: str) -> None:
    headers = bearer("acc_1", role, hospital_id="hos_1")
    assert client.get(PATH, headers=headers).status_code == 403
    assert client.get(f"{PATH}/x", headers=headers).status_code == 403
    assert client.post(f"{PATH}/x/resend", headers=headers).status_code == 403
    assert client.get(PATH).status_code == 401


def test_people_see_how_their_own_went_out_and_nobody_elses(service: Service, client: FlaskClient) -> None:
    deliver(service, contact())
    tell_confirmed(service)
    send_all(post(store_of(service), Counting("smtp", "email"), Counting("alibaba", "sms")))
    told = next(i["id"] for i in Reader(service, "acc_1").items())
    path = f"/api/v1/notifications/{told}/deliveries"
    own = client.get(path, headers=bearer("acc_1")).get_json()["items"]
    assert {d["to"] for d in own} == {"a***@example.com", "138****1234"}
    assert EMAIL not in str(own)
    assert_problem(client.get(path, headers=bearer("acc_2")), 404, "notification_not_found")
    assert_problem(client.get(path, headers=OPERATOR), 404, "notification_not_found")
    assert_problem(client.get("/api/v1/notifications/x/deliveries", headers=bearer("acc_1")), 404)


def test_what_a_provider_said_to_us_is_for_staff(service: Service, client: FlaskClient) -> None:
    deliver(service, contact())
    tell_confirmed(service)
    send_all(
        post(store_of(service), Counting("smtp", "email", lambda _: Later("535", "ALARM: the password is not taken")))
    )
    told = next(i["id"] for i in Reader(service, "acc_1").items())
    own = client.get(f"/api/v1/notifications/{told}/deliveries", headers=bearer("acc_1")).get_json()["items"]
    assert any(d["attempts"] for d in own)
    assert "ALARM" not in str(own)
    assert "535" not in str([d["attempts"] for d in own])
    assert "ALARM" in str(listed(client))


def test_hostile_input(service: Service, client: FlaskClient) -> None:
    for text in HOSTILE_TEXTS:
        for name in ("account_id", "notification_id", "order_id", "state", "channel", "cursor", "limit"):
            answer = client.get(PATH, query_string={name: text.encode("utf-8", "replace")}, headers=OPERATOR)
            assert answer.status_code in {200, 422}, (name, text)
    assert_problem(client.get(f"{PATH}/x%00y", headers=OPERATOR), 422)


def failed(service: Service, clock: ManualClock) -> str:
    deliver(service, contact(email=None))
    tell_confirmed(service)
    send_all(
        post(store_of(service), Counting("alibaba", "sms", lambda _letter: Refused("no_template", "not approved")))
    )
    (delivery_id,) = log_of(store_of(service))
    return delivery_id


def test_staff_send_anew_what_failed_even_when_it_was_refused_and_too_late(
    service: Service, client: FlaskClient, clock: ManualClock
) -> None:
    delivery_id = failed(service, clock)
    clock.advance(timedelta(days=2))
    first = client.post(f"{PATH}/{delivery_id}/resend", headers=OPERATOR)
    assert (first.status_code, first.get_json()["state"], first.get_json()["resent"]) == (200, "waiting", 1)
    assert_problem(client.post(f"{PATH}/{delivery_id}/resend", headers=OPERATOR), 409, "delivery_not_ended")
    carrier = Counting("alibaba", "sms")
    send_all(post(store_of(service), carrier))
    (letter,) = carrier.carried
    assert letter.key != delivery_id, "or a provider that knows the key would take it for a repetition"
    assert states(store_of(service)) == {"sent": 1}
    assert_problem(client.post(f"{PATH}/{delivery_id}/resend", headers=OPERATOR), 409, "delivery_not_ended")
    assert_problem(client.post(f"{PATH}/nothing/resend", headers=OPERATOR), 404, "delivery_not_found")


def test_a_code_is_not_sent_anew(service: Service, client: FlaskClient, clock: ManualClock) -> None:
    deliver(service, code("cod_1", clock() + timedelta(minutes=5)))
    send_all(post(store_of(service)))
    assert log_of(store_of(service)) == {"cod_1:sms": "failed: no_carrier"}
    assert_problem(client.post(f"{PATH}/cod_1:sms/resend", headers=OPERATOR), 409, "delivery_forgotten")
