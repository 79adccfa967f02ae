"""What SMS providers tell later: believed by a secret address, taken part by part, and a number that nobody has is dead."""

import dataclasses
import secrets
from collections.abc import Iterator
from typing import Any

import pytest
from common.clock import ManualClock
from common.service import Service
from common.testing import assert_problem, bearer, deliver
from flask.testing import FlaskClient
from notify_svc.app import Settings, build
from notify_svc.channels import Letter, Sent, Unknown
from notify_svc.store import MongoStore
from notify_world import Reader
from post_world import PHONE, Counting, contact, log_of, post, send_all, store_of, tell_confirmed
from werkzeug.test import TestResponse

TOKEN = "a-secret-address-of-32-characters"
ALIBABA = f"/api/v1/notifications/receipts/alibaba/{TOKEN}"
TENCENT = f"/api/v1/notifications/receipts/tencent/{TOKEN}"
Json = dict[str, Any]


@pytest.fixture
def service(double: str, clock: ManualClock) -> Iterator[Service]:
    """The service, where providers may call."""
    made = build(Settings(mongo_url=f"{double}/t{secrets.token_hex(4)}", receipts_token=TOKEN), clock)
    made.migrate()
    yield made
    assert isinstance(made.store, MongoStore)
    made.store.close()


@pytest.fixture
def client(service: Service) -> FlaskClient:
    return service.app.test_client()


def sent(service: Service, provider: str, says: Any = None) -> str:
    """A confirmation that went out by SMS: its delivery's id."""
    deliver(service, contact(email=None))
    tell_confirmed(service)
    carrier = Counting(provider, "sms", says=says or (lambda _: Sent("9006^1")))
    send_all(post(store_of(service), carrier))
    return carrier.carried[0].key


def alibaba(**changes: Any) -> Json:
    """As their document shows it."""
    shown = {
        "phone_number": PHONE,
        "send_time": "2017-01-01 00:00:00",
        "report_time": "2017-01-01 00:00:00",
        "success": True,
        "err_code": "DELIVERED",
        "err_msg": "用户接收成功",
        "sms_size": "1",
        "biz_id": "9006^1",
        "out_id": "another",
    }
    return {**shown, **changes}


def tencent(**changes: Any) -> Json:
    """As their document shows it."""
    shown = {
        "user_receive_time": "2015-10-17 08:03:04",
        "nationcode": "86",
        "mobile": PHONE,
        "report_status": "SUCCESS",
        "errmsg": "DELIVRD",
        "description": "用户短信送达成功",
        "sid": "9006^1",
    }
    return {**shown, **changes}


def alibaba_failed(**changes: Any) -> Json:
    return alibaba(success=False, err_code="UNDELIVERED", **changes)


def tell(client: FlaskClient, path: str, *told: Any) -> TestResponse:
    return client.post(path, json=list(told))


@pytest.mark.parametrize(
    ("provider", "path", "receipt", "answer"),
    [
        ("alibaba", ALIBABA, alibaba(), {"code": 0, "msg": "OK"}),
        ("tencent", TENCENT, tencent(), {"result": 0, "errmsg": "OK"}),
    ],
)
def test_a_receipt_makes_it_delivered_once(
    service: Service, client: FlaskClient, provider: str, path: str, receipt: Json, answer: Json
) -> None:
    name = sent(service, provider)
    for _ in range(2):
        response = tell(client, path, receipt)
        assert (response.status_code, response.get_json()) == (200, answer)
        assert log_of(store_of(service)) == {name: "delivered"}
    late = {**receipt, "success": False, "report_status": "FAIL"}
    tell(client, path, late)
    assert log_of(store_of(service)) == {name: "delivered"}, "what comes after that changes nothing"


@pytest.mark.parametrize(
    ("provider", "path", "receipt"),
    [
        ("alibaba", ALIBABA, alibaba_failed()),
        ("tencent", TENCENT, tencent(report_status="FAIL", errmsg="UNDELIVERED")),
    ],
)
def test_a_receipt_of_failure_is_noted_with_its_code_and_kills_no_number(
    service: Service, client: FlaskClient, provider: str, path: str, receipt: Json
) -> None:
    name = sent(service, provider)
    assert tell(client, path, receipt).status_code == 200
    assert log_of(store_of(service)) == {name: "failed: receipt: UNDELIVERED"}
    assert store_of(service).contacts.get("acc_1").dead == frozenset()


@pytest.mark.parametrize(
    ("provider", "path", "receipt"),
    [
        ("alibaba", ALIBABA, alibaba(success=False, err_code="MK:0001")),
        ("tencent", TENCENT, tencent(report_status="FAIL", errmsg="MN:0001")),
        ("tencent", TENCENT, tencent(report_status="FAIL", errmsg="MN:0001", nationcode="")),
    ],
)
def test_a_number_that_nobody_has_is_dead_and_its_owner_hears_of_it_once(
    service: Service, client: FlaskClient, provider: str, path: str, receipt: Json
) -> None:
    sent(service, provider)
    for _ in range(2):
        tell(client, path, receipt)
    assert store_of(service).contacts.get("acc_1").dead == {"sms"}
    assert Reader(service, "acc_1").kinds().count("address_dead") == 1


@pytest.mark.parametrize("changes", [{"success": True}, {"phone_number": "13911112222"}])
def test_a_number_that_is_hers_no_longer_or_took_it_is_not_dead(
    service: Service, client: FlaskClient, changes: Json
) -> None:
    sent(service, "alibaba")
    tell(client, ALIBABA, alibaba(**{"success": False, "err_code": "MK:0001", **changes}))
    assert store_of(service).contacts.get("acc_1").dead == frozenset()
    assert "address_dead" not in Reader(service, "acc_1").kinds()


@pytest.mark.parametrize("resent", [0, 1])
def test_what_had_no_answer_is_known_by_our_key(service: Service, client: FlaskClient, resent: int) -> None:
    """The provider's name of it stood in the answer that never came."""

    def silent(_: Letter) -> Unknown:
        return Unknown("timeout")

    name = sent(service, "alibaba", says=silent)
    assert log_of(store_of(service)) == {name: "handed"}
    delivery = store_of(service).deliveries.get(name)
    assert delivery is not None
    if resent:
        store_of(service).deliveries.change(delivery, resent=1)
    tell(client, ALIBABA, alibaba(biz_id="unknown", out_id=f"{name}:7"))
    tell(client, TENCENT, tencent(sid="unknown"))
    assert log_of(store_of(service)) == {name: "handed"}, "another's key, another provider"
    tell(client, ALIBABA, alibaba(biz_id="unknown", out_id=f"{name}:1" if resent else name))
    assert log_of(store_of(service)) == {name: "delivered"}


def test_what_a_receipt_proves_to_be_sent_is_not_sent_anew(service: Service, client: FlaskClient) -> None:
    """The provider did not list it, so that it waits to be sent again; then its receipt comes."""
    name = sent(service, "alibaba", says=lambda _: Unknown("timeout"))
    store = store_of(service)
    handed = store.deliveries.get(name)
    assert handed is not None
    store.deliveries.change(handed, state="waiting", holder="")
    failed = alibaba_failed(biz_id="x", out_id=name)
    tell(client, ALIBABA, failed)
    assert log_of(store) == {name: "waiting"}, "a failure leaves it to the next try"
    tell(client, ALIBABA, alibaba(biz_id="x", out_id=name))
    assert log_of(store) == {name: "delivered"}
    again = Counting("alibaba", "sms")
    send_all(post(store, again))
    assert again.carried == []


def test_another_providers_reference_is_none(service: Service, client: FlaskClient) -> None:
    name = sent(service, "tencent")
    assert tell(client, ALIBABA, alibaba()).status_code == 200
    assert log_of(store_of(service)) == {name: "sent"}


BAD = [
    None, 1, "x", [], {}, {"success": True}, alibaba(success="true"), alibaba(biz_id=7), alibaba(biz_id="", out_id=""),
    alibaba(biz_id="x" * 201), alibaba(biz_id="\x00"), alibaba(biz_id={"$ne": ""}), alibaba(err_code=["x"]), alibaba(out_id="\ud800"),
]  # fmt: skip


def test_of_a_list_the_good_ones_are_taken(service: Service, client: FlaskClient) -> None:
    name = sent(service, "alibaba")
    for bad in BAD:
        assert tell(client, ALIBABA, bad, bad).status_code == 200
    assert log_of(store_of(service)) == {name: "sent"}
    assert tell(client, ALIBABA, *BAD, alibaba(), *BAD).status_code == 200
    assert log_of(store_of(service)) == {name: "delivered"}


NO_LISTS = [b"", b"{", b"{}", b"[]", b'"x"', b"null", b"\xff\xfe", b"[" * 100_000, b"1" * 5000, b"[" + b"{}," * 2000 + b"{}]", b"9" * 2_100_000]  # fmt: skip


def test_what_is_no_list_is_refused(client: FlaskClient) -> None:
    for path in (ALIBABA, TENCENT):
        for body in NO_LISTS:
            response = client.post(path, data=body, content_type="application/json")
            assert response.status_code in {413, 422}, response.get_data()
            assert response.content_type == "application/problem+json"


@pytest.mark.parametrize("said", ["right", "wrong"])
def test_another_address_is_none(service: Service, client: FlaskClient, said: str) -> None:
    """The right one is here too, so that the refusals are of the address."""
    name = sent(service, "alibaba")
    wrong = [
        "alibaba/wrong-token-of-some-length",
        "alibaba/x",
        f"another/{TOKEN}",
        "alibaba/%E5%8F%B7",
        "alibaba/%ED%A0%80",
    ]
    for path in wrong if said == "wrong" else [f"alibaba/{TOKEN}"]:
        response = tell(client, f"/api/v1/notifications/receipts/{path}", alibaba())
        assert response.status_code == (404 if said == "wrong" else 200)
    assert log_of(store_of(service)) == {name: "sent" if said == "wrong" else "delivered"}


def test_without_a_secret_nobody_can_call(double: str, clock: ManualClock) -> None:
    settings = Settings(mongo_url=f"{double}/t{secrets.token_hex(4)}", receipts_token="")
    made = build(dataclasses.replace(settings), clock)
    for token in ("", "x", "None"):
        path = f"/api/v1/notifications/receipts/alibaba/{token}"
        assert made.app.test_client().post(path, json=[alibaba()]).status_code == 404
    made.store.close()


# --- previews


def preview(client: FlaskClient, path: str = "", *roles: str, **headers: str) -> TestResponse:
    return client.get(f"/api/v1/templates{path}", headers={**bearer("acc_9", *(roles or ("operator",))), **headers})


def test_staff_see_every_text_as_it_is_sent(client: FlaskClient) -> None:
    items = preview(client).get_json()["items"]
    assert {item["kind"] for item in items} >= {"code_login", "order_confirmed", "visit_soon", "refund_failed_staff"}
    for item in items:
        for version in item["versions"]:
            for locale in item["locales"]:
                for channel in item["channels"]:
                    response = preview(client, f"/{item['kind']}/{version}/{locale}/{channel}")
                    shown = response.get_json()
                    assert response.status_code == 200, shown
                    assert shown["text"]
                    assert "{" not in shown["text"]
                    assert bool(shown["title"]) == (channel != "sms")
                    assert bool(shown["variables"]) == (channel == "sms")
    confirmed = preview(client, "/order_confirmed/1/zh-CN/email").get_json()
    assert "王立新" in confirmed["text"]
    assert "METHOD:PUBLISH" in confirmed["calendar"]
    older, newer = (preview(client, f"/order_held/{n}/en/inbox").get_json()["text"] for n in (1, 2))
    assert "To pay now" not in older
    assert "To pay now" in newer
    assert list(preview(client, "/order_held/2/en/sms").get_json()["variables"])[:3] == ["patient", "when", "hospital"]


def test_codes_are_never_in_an_inbox(client: FlaskClient) -> None:
    of = {item["kind"]: item["channels"] for item in preview(client).get_json()["items"]}
    assert of["code_login"] == ["email", "sms"]
    assert of["order_placed"] == ["inbox"]


NO_TEMPLATES = [
    "/nothing/1/en/email", "/order_held/4/en/email", "/order_held/0/en/email", "/order_held/1/fr/email", "/order_held/1/en/pigeon",
    "/order_placed/1/en/sms", "/code_login/1/en/inbox", "/order_held/x/en/email", "/order_held/99999999999999999999/en/email",
    "/order_held/1234567/en/email", "/order_held/%E2%91%A0/en/email",
]  # fmt: skip


def test_what_is_no_template(client: FlaskClient) -> None:
    for path in NO_TEMPLATES:
        assert_problem(preview(client, path), 404)


def test_patients_and_strangers_see_none(client: FlaskClient) -> None:
    assert_problem(preview(client, "", "patient"), 403)
    assert_problem(client.get("/api/v1/templates"), 401)
    assert_problem(client.get("/api/v1/templates/order_held/1/en/email"), 401)
