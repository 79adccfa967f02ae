"""Vouchers: staff issue them, an order uses one, and gives it free again with its number."""

import re
from datetime import timedelta
from typing import Any

from common.messages import ReserveSlot, SlotRejected, SlotReserved
from common.testing import HOSTILE_VALUES, assert_bad_input_is_refused, assert_problem, bearer, take_sent
from flask.testing import FlaskClient
from schedule_svc.api.vouchers import VoucherOut, VoucherPage
from schedule_svc.store.desk import Working
from schedule_svc.usecases.vouchers import new_code
from schedule_world import API, OPERATOR, World, check_inventory, registrar


def path(world: World, session: str = "") -> str:
    return f"{API}/sessions/{session or world.session_id()}/vouchers"


def issue(client: FlaskClient, world: World, **body: Any) -> dict[str, Any]:
    response = client.post(path(world), json={"channel": "referral", **body}, headers=registrar(world))
    assert response.status_code == 201, response.get_json()
    shown: dict[str, Any] = response.get_json()
    assert VoucherOut().validate(shown) == {}
    return shown


def listed(client: FlaskClient, world: World, query: str = "") -> dict[str, Any]:
    response = client.get(path(world) + query, headers=registrar(world))
    assert response.status_code == 200
    page: dict[str, Any] = response.get_json()
    assert VoucherPage().validate(page) == {}
    return page


def order(world: World, name: str, voucher: str | None) -> ReserveSlot:
    plain = world.reserve(name)
    return ReserveSlot(
        plain.order_id, plain.session_id, None, plain.patient_id, False, True, voucher, None, False, world.clock()
    )


def set_aside(world: World, channel: str) -> None:
    """One number of the first segment is for this channel, the other three are sold."""
    with world.database.transaction() as tx:
        working = Working(tx.conn, [world.session_id()])
        (session,) = working.sessions.values()
        session.segments[0].set_aside(channel, 1)
        working.save(tx.now)
    world.fill(11)
    take_sent(world.database)


def test_a_code_is_sixteen_digits_and_no_two_are_alike() -> None:
    codes = {new_code() for _ in range(2000)}
    assert len(codes) == 2000
    assert all(re.fullmatch(r"(\d{4}-){3}\d{4}", code) for code in codes)
    assert len({code[:4] for code in codes}) > 1500, "the first group is as random as the others"


def test_a_voucher_is_issued_and_listed(client: FlaskClient, world: World) -> None:
    first = issue(client, world, urgency="urgent", patient_id="pat_1")
    world.clock.advance(timedelta(seconds=1))
    second = issue(client, world, channel="window", expires_at="2026-12-03T00:00:00+08:00")
    assert (first["channel"], first["urgency"], first["patient_id"]) == ("referral", "urgent", "pat_1")
    assert first["expires_at"] == "2026-12-05T09:30:00+08:00", "the end of the session"
    assert (second["urgency"], second["expires_at"]) == ("routine", "2026-12-03T00:00:00+08:00")
    page = listed(client, world, "?limit=1")
    assert page["items"] == [first]
    assert listed(client, world, f"?limit=1&cursor={page['next_cursor']}") == {"items": [second], "next_cursor": None}


def test_it_opens_what_is_set_aside_once(client: FlaskClient, world: World) -> None:
    set_aside(world, "referral")
    code = issue(client, world)["code"]
    *answers, changed = world.tell(order(world, "plain", None), order(world, "mine", code))
    assert changed.session.sold_out, "the last number was the one that was set aside"
    assert [(m.order_id, type(m)) for m in answers] == [("plain", SlotRejected), ("mine", SlotReserved)]
    (shown,) = listed(client, world)["items"]
    assert (shown["state"], shown["order_id"]) == ("used", "mine")
    (again,) = world.tell(order(world, "second", code))
    assert again.reason == "voucher_invalid"
    check_inventory(world)


def test_it_is_free_again_when_its_order_gives_its_number_back(client: FlaskClient, world: World) -> None:
    set_aside(world, "referral")
    code = issue(client, world)["code"]
    world.tell(order(world, "a", code))
    world.tell(world.release("a"))
    (shown,) = listed(client, world)["items"]
    assert (shown["state"], shown["order_id"]) == ("free", None)
    reserved = world.tell(order(world, "b", code))[0]
    assert (type(reserved), reserved.order_id) == (SlotReserved, "b")
    check_inventory(world)


def test_a_release_after_the_voucher_went_to_another_order_leaves_it(client: FlaskClient, world: World) -> None:
    set_aside(world, "referral")
    code = issue(client, world)["code"]
    world.tell(order(world, "a", code))
    world.tell(world.release("a"))
    world.tell(order(world, "b", code))
    world.tell(world.release("a"))
    assert listed(client, world)["items"][0]["order_id"] == "b"


def test_it_is_for_its_session_its_patient_and_its_time(client: FlaskClient, world: World) -> None:
    codes = [
        issue(client, world, patient_id="pat-other")["code"],
        issue(client, world, expires_at="2026-12-01T09:00:01+08:00")["code"],
        "0000-0000-0000-0000",
    ]
    world.clock.advance(timedelta(seconds=1))
    for number, code in enumerate(codes):
        (refused,) = world.tell(order(world, f"o{number}", code))
        assert refused.reason == "voucher_invalid"
    assert sorted(v["state"] for v in listed(client, world)["items"]) == ["expired", "free"]


def test_two_orders_in_one_run_use_it_once(client: FlaskClient, world: World) -> None:
    set_aside(world, "referral")
    code = issue(client, world)["code"]
    *answers, changed = world.tell(order(world, "a", code), order(world, "b", code))
    assert changed.session.sold_out
    assert [getattr(m, "reason", "reserved") for m in answers] == ["reserved", "voucher_invalid"]


def test_with_a_key_a_voucher_is_issued_once(client: FlaskClient, world: World) -> None:
    headers = registrar(world) | {"Idempotency-Key": world.hospital_id}
    first, second = (client.post(path(world), json={"channel": "window"}, headers=headers) for _ in range(2))
    assert first.get_data() == second.get_data()
    assert len(listed(client, world)["items"]) == 1


def test_none_for_a_session_that_is_stopped_over_or_unknown(client: FlaskClient, world: World) -> None:
    body = {"channel": "window"}
    assert_problem(client.post(path(world, "none"), json=body, headers=OPERATOR), 404, "session_not_found")
    assert_problem(client.get(path(world, "none"), headers=OPERATOR), 404, "session_not_found")
    client.post(f"{API}/sessions/{world.session_id()}/stop", json={"reason": "x"}, headers=OPERATOR)
    assert_problem(client.post(path(world), json=body, headers=OPERATOR), 409, "session_stopped")


def test_none_after_the_end(client: FlaskClient, world: World) -> None:
    world.clock.set(world.clock().replace(day=5, hour=1, minute=30))
    assert_problem(client.post(path(world), json={"channel": "window"}, headers=OPERATOR), 409, "session_over")


def test_bad_bodies_are_refused(client: FlaskClient, world: World) -> None:
    good = {"channel": "window", "urgency": "soon", "patient_id": "pat_1", "expires_at": "2026-12-03T00:00:00+08:00"}
    skip = ("urgency", "patient_id", "expires_at")
    assert_bad_input_is_refused(client, path(world), good, OPERATOR, skip=skip)
    for name in skip:
        for value in HOSTILE_VALUES:
            status = client.post(path(world), json=good | {name: value}, headers=OPERATOR).status_code
            assert status in (400, 422) or (value is None and name != "urgency"), (name, value)
    for when in ("2026-12-01T09:00:00+08:00", "2026-12-05T09:30:01+08:00", "0001-01-01T00:00:00+14:00"):
        response = client.post(path(world), json=good | {"expires_at": when}, headers=OPERATOR)
        assert_problem(response, 422, field="expires_at")


def test_only_staff_of_that_hospital(client: FlaskClient, world: World) -> None:
    for call in (
        lambda h: client.post(path(world), json={"channel": "window"}, headers=h),
        lambda h: client.get(path(world), headers=h),
    ):
        assert_problem(call({}), 401, "unauthenticated")
        for role in ("patient", "cashier"):
            assert_problem(call(bearer("acc_x", role, hospital_id=world.hospital_id)), 403, "wrong_role")
        assert_problem(call(bearer("acc_x", "registrar", hospital_id="hos_other")), 403, "other_hospital")
