"""A hospital's rules over HTTP: published as versions, shown from the record that is enforced."""

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
import sqlalchemy as sa
from common.messages import ClinicRules, ClinicRulesSet, CreditChanged, CreditMark, Place, SlotRejected, SlotReserved
from common.outbox.tables import timers
from common.outbox.timers import TimerLoop
from common.testing import HOSTILE_VALUES, assert_bad_input_is_refused, assert_problem, bearer, sent, take_sent
from flask.testing import FlaskClient
from schedule_svc.api.rules import RulesOut, VersionOut
from schedule_svc.rules import RuleSet, read_rules
from schedule_svc.rules.ruleset import CoolDown
from schedule_svc.store.desk import Working
from schedule_svc.store.rules import rules_in_force
from schedule_svc.store.tables import hospital_rules, sessions
from schedule_svc.usecases.release import plan
from schedule_svc.worker import TIMERS
from schedule_world import API, OPERATOR, World, check_inventory, get, registrar

TEN = {"hold_minutes": 10}


@pytest.fixture(autouse=True)
def without_rules(world: World) -> None:
    """The hospital has published none."""
    with world.database.transaction() as tx:
        tx.conn.execute(sa.delete(hospital_rules))


def path(world: World) -> str:
    return f"{API}/hospitals/{world.hospital_id}/rules"


def post(client: FlaskClient, world: World, rules: Any, **body: Any) -> Any:
    return client.post(path(world), json={"rules": rules, **body}, headers=registrar(world))


def in_force(world: World) -> RuleSet:
    with world.database.reading() as conn:
        return rules_in_force(conn, [world.hospital_id], world.clock())[world.hospital_id]


def test_without_rules_of_its_own_a_hospital_has_the_platforms(client: FlaskClient, world: World) -> None:
    shown = get(client, f"/hospitals/{world.hospital_id}/rules", RulesOut)
    assert (shown["hospital_id"], shown["version"], shown["effective_from"]) == (world.hospital_id, 0, None)
    assert read_rules(shown["rules"]) == RuleSet()
    assert shown["upcoming"] == []
    assert "退号截止时间：开诊前 12 小时" in " ".join(word["zh-CN"] for word in shown["words"])
    assert all(word["en"] and word["rule"] for word in shown["words"])


def test_a_version_is_in_force_at_once_and_enforced_from_what_is_shown(client: FlaskClient, world: World) -> None:
    response = post(client, world, TEN)
    assert (response.status_code, VersionOut().validate(response.get_json())) == (201, {})
    assert response.get_json()["version"] == 1
    shown = get(client, f"/hospitals/{world.hospital_id}/rules", RulesOut)
    assert shown["version"] == 1
    assert read_rules(shown["rules"]) == in_force(world)
    assert "10 分钟" in next(word["zh-CN"] for word in shown["words"] if word["rule"] == "hold_minutes")
    (reserved,) = [m for m in world.tell(world.reserve("a")) if isinstance(m, SlotReserved)]
    assert reserved.hold_seconds == 600


def test_those_who_keep_the_clinic_day_are_told_of_each_version(client: FlaskClient, world: World) -> None:
    moment = world.clock() + timedelta(days=1)
    place = {"latitude": 39.9, "longitude": 116.4, "within_metres": 300}
    post(client, world, {"clinic": {"passed": [5, 5, 0], "place": place}})
    post(client, world, TEN, effective_from=moment.isoformat())
    first, second = sent(world.database, ClinicRulesSet)
    assert (first.hospital_id, first.version, first.effective_at) == (world.hospital_id, 1, world.clock())
    assert first.rules == ClinicRules(passed=[5, 5, 0], place=Place(39.9, 116.4, 300))
    assert (second.version, second.effective_at, second.rules) == (2, moment, ClinicRules())


def test_an_upcoming_version_is_shown_and_takes_effect_at_its_moment(client: FlaskClient, world: World) -> None:
    moment = world.clock() + timedelta(days=1)
    post(client, world, TEN)
    post(client, world, {"hold_minutes": 20}, effective_from=moment.isoformat())
    shown = get(client, f"/hospitals/{world.hospital_id}/rules", RulesOut)
    assert (shown["version"], [v["version"] for v in shown["upcoming"]]) == (1, [2])
    assert shown["upcoming"][0]["rules"]["hold_minutes"] == 20
    world.clock.set(moment - timedelta(seconds=1))
    assert in_force(world).hold_minutes == 10
    world.clock.set(moment)
    assert in_force(world).hold_minutes == 20
    shown = get(client, f"/hospitals/{world.hospital_id}/rules", RulesOut)
    assert (shown["version"], shown["upcoming"]) == (2, [])


def test_a_version_for_the_same_moment_takes_the_place_of_the_one_before(client: FlaskClient, world: World) -> None:
    moment = (world.clock() + timedelta(days=1)).isoformat()
    for minutes in (20, 30):
        post(client, world, {"hold_minutes": minutes}, effective_from=moment)
    shown = get(client, f"/hospitals/{world.hospital_id}/rules", RulesOut)
    assert [(v["version"], v["rules"]["hold_minutes"]) for v in shown["upcoming"]] == [(2, 30)]
    world.clock.advance(timedelta(days=1))
    assert in_force(world).hold_minutes == 30


def test_a_version_never_changes_though_the_defaults_might(client: FlaskClient, world: World) -> None:
    post(client, world, {})
    (row,) = world.rows("SELECT rules FROM hospital_rules")
    assert set(msgspec.json.decode(row.rules)) == set(RuleSet.__struct_fields__), "what was left out is kept too"
    post(client, world, TEN)
    assert world.rows("SELECT rules FROM hospital_rules WHERE version = 1") == [row]


def test_waitlists_close_and_set_asides_end_by_the_rules_of_the_day(client: FlaskClient, world: World) -> None:
    """Also those that were joined, or planned, under the version before."""
    post(client, world, {"rest": {"least_seconds": 0, "most_seconds": 0}})
    set_aside(world, "window")
    world.fill(11)
    world.tell(world.reserve("patient", wait=True))
    tomorrow = world.clock() + timedelta(days=1)
    sooner = {"waitlist": {"closes": {"hours": 48}}, "asides_end_hours": 50}
    post(client, world, sooner, effective_from=tomorrow.isoformat())
    starts = datetime(2026, 12, 5, tzinfo=UTC)
    fire(world, tomorrow - timedelta(seconds=1))
    assert due(world) == {"waitlist_closes": starts - timedelta(hours=9), "asides_end": starts - timedelta(hours=24)}
    fire(world, tomorrow)
    assert due(world) == {"waitlist_closes": starts - timedelta(hours=48), "asides_end": starts - timedelta(hours=50)}
    fire(world, starts - timedelta(hours=50))
    (reserved,) = [m for m in take_sent(world.database) if isinstance(m, SlotReserved)]
    assert reserved.order_id == "patient", "she waited, and has what nobody took for whom it was set aside"
    check_inventory(world)


def set_aside(world: World, channel: str) -> None:
    """One number of the first segment is for this channel; the timer that ends it is set as when it is planned."""
    with world.database.transaction() as tx:
        working = Working(tx.conn, [world.session_id()])
        (session,) = working.sessions.values()
        session.segments[0].set_aside(channel, 1)
        working.save(tx.now)
        plan(tx, [session])


def fire(world: World, now: datetime) -> None:
    world.clock.set(now)
    TimerLoop(world.database, TIMERS).fire_due()


def due(world: World) -> dict[str, datetime]:
    """When the timers of the session are due."""
    with world.database.reading() as conn:
        rows = conn.execute(sa.select(timers).where(timers.c.key == world.session_id())).all()
    return {row.kind: row.due_at for row in rows if row.kind in ("waitlist_closes", "asides_end")}


def test_with_a_key_a_version_is_published_once(client: FlaskClient, world: World) -> None:
    headers = registrar(world) | {"Idempotency-Key": world.hospital_id}
    first, second = (client.post(path(world), json={"rules": TEN}, headers=headers) for _ in range(2))
    assert first.get_data() == second.get_data()
    assert len(world.rows("SELECT version FROM hospital_rules")) == 1


def test_every_bad_field_is_named(client: FlaskClient, world: World) -> None:
    rules = {"hold_minutes": 0, "limits": [{"most": 1, "of": "doctor"}], "zzz": 1, "cancel": {"at": "25:61"}}
    past = (world.clock() - timedelta(seconds=1)).isoformat()
    problem = assert_problem(post(client, world, rules, effective_from=past), 422, "validation_error")
    named = {error["field"] for error in problem["errors"]}
    assert named == {"effective_from", "rules.hold_minutes", "rules.limits[0].per", "rules.zzz", "rules.cancel.at"}
    assert world.rows("SELECT version FROM hospital_rules") == []


def test_bad_bodies_are_refused(client: FlaskClient, world: World) -> None:
    moment = (world.clock() + timedelta(days=1)).isoformat()
    good = {"rules": TEN, "effective_from": moment}
    assert_bad_input_is_refused(client, path(world), good, OPERATOR, skip=("effective_from", "rules"))
    for name in ("hold_minutes", "limits", "cancel", "window", "penalties", "weights", "rest", "waitlist", "cool_down"):
        for value in HOSTILE_VALUES:
            status = post(client, world, {name: value}).status_code
            assert status in (400, 422) or value in ([], {}), (name, value)
    for when in ("0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-12:00", "2026-12-02T00:00:00"):
        assert_problem(post(client, world, TEN, effective_from=when), 422, field="effective_from")


def test_only_staff_of_that_hospital_publish(client: FlaskClient, world: World) -> None:
    body = {"rules": TEN}
    assert_problem(client.post(path(world), json=body), 401, "unauthenticated")
    for role in ("patient", "cashier"):
        headers = bearer("acc_x", role, hospital_id=world.hospital_id)
        assert_problem(client.post(path(world), json=body, headers=headers), 403, "wrong_role")
    headers = bearer("acc_x", "registrar", hospital_id="hos_other")
    assert_problem(client.post(path(world), json=body, headers=headers), 403, "other_hospital")
    assert client.post(path(world), json=body, headers=OPERATOR).status_code == 201


def test_an_unknown_hospital_has_no_rules(client: FlaskClient) -> None:
    assert_problem(client.get(f"{API}/hospitals/none/rules"), 404, "hospital_not_found")
    response = client.post(f"{API}/hospitals/none/rules", json={"rules": {}}, headers=OPERATOR)
    assert_problem(response, 404, "hospital_not_found")


# --- credit, as user-svc tells of it -----------------------------------------------------------------------------------


def changed(world: World, patient_id: str, revision: int, no_shows: int) -> CreditChanged:
    now = world.clock()
    marks = [
        CreditMark(f"m{i}", "no_show", "hos", f"o{i}", now - timedelta(hours=i), now + timedelta(days=300), None)
        for i in range(no_shows)
    ]
    return CreditChanged(patient_id, "acc", revision, "recorded", "m0", marks)


def test_marks_block_until_they_are_lifted_and_an_older_message_changes_nothing(world: World) -> None:
    world.rule(RuleSet(cool_down=CoolDown(unpaid_seconds=0)))
    world.tell(changed(world, "pat-a", 3, no_shows=3))
    (refused,) = world.tell(world.reserve("a"))
    assert isinstance(refused, SlotRejected)
    assert (refused.reason, refused.until) == ("credit_blocked", world.clock() + timedelta(days=90))
    assert refused.rule == "penalties[0]: 3 no_show within a calendar year, blocked for 90 days"
    world.tell(changed(world, "pat-b", 2, no_shows=0), changed(world, "pat-b", 1, no_shows=3))
    assert isinstance(world.tell(world.reserve("b"))[0], SlotReserved)


def test_urgent_care_is_never_barred(world: World) -> None:
    world.tell(changed(world, "pat-a", 1, no_shows=3), changed(world, "pat-b", 1, no_shows=3))
    assert isinstance(world.tell(world.reserve("a"))[0], SlotRejected)
    with world.database.transaction() as tx:
        tx.conn.execute(sa.update(sessions).values(urgent=True))
    assert isinstance(world.tell(world.reserve("b"))[0], SlotReserved)
