"""The demo's rosters and rules are what a hospital could publish, whatever the day; and whoever looks finds every desk alive."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from common.clock import SHANGHAI, ManualClock
from haoyuan_roster_format import examine
from hypothesis import given, settings
from hypothesis import strategies as st
from schedule_svc.rules import RuleSet, read_rules
from user_svc.identity import check_id_number

from demo import today
from demo.client import Client
from demo.hospitals import GUEST, HOSPITALS
from demo.roster import (
    GUEST_CODE,
    IN_A_WEEK,
    LEAST,
    SOON,
    clinic_of_now,
    drawn_clinic,
    guest_roster,
    released_soon,
    rosters,
    to_be_stopped,
)
from demo.seed import ACCOUNTS, PASSWORD, seed
from demo.today import LINE, enliven, resident_id
from embedded.system import System

patiently = settings(deadline=None, max_examples=40)
DAYS = st.dates(date(2026, 1, 1), date(2030, 12, 31))


@patiently
@given(DAYS)
def test_no_roster_has_a_fault_or_two_sessions_of_a_doctor_at_once(today: date):
    for roster in rosters(today):
        assert examine("roster_published", roster) == []


@patiently
@given(DAYS)
def test_what_was_published_yesterday_stays_as_it_is(today: date):
    """Else the same version of a row would have other content."""
    for yesterdays, todays in zip(rosters(today - timedelta(days=1)), rosters(today), strict=True):
        known = {row["code"]: row for row in yesterdays["sessions"]}
        for row in todays["sessions"]:
            assert known.get(row["code"], row) == row


@patiently
@given(DAYS, st.times())
def test_at_any_time_somebody_may_enter_a_draw_of_the_next_two_days(today: date, time):
    now = datetime.combine(today, time, UTC)
    for roster in rosters((now + timedelta(hours=8)).date()):
        closing = [
            datetime.fromisoformat(row["draw_at"])
            for row in roster["sessions"]
            if "draw_at" in row and datetime.fromisoformat(row["release_at"]) <= now
        ]
        assert any(now < draw_at < now + timedelta(days=2) for draw_at in closing)


@patiently
@given(DAYS)
def test_the_walk_through_finds_what_it_looks_for_on_any_day(today: date):
    days = {(today + SOON + timedelta(days=n)).isoformat() for n in range((IN_A_WEEK - SOON).days + 1)}
    first = next(rosters(today))
    found = [
        (row.get("policy", "first_come"), row["fee"]["amount"]) for row in first["sessions"] if row["date"] in days
    ]
    assert found.count(("first_come", 5000)) >= 2
    assert ("lottery", 10000) in found


def test_there_is_one_of_each_kind():
    found = [row for roster in rosters(date(2026, 11, 22)) for row in roster["sessions"]]
    assert {row.get("policy", "first_come") for row in found} == {"first_come", "lottery", "weighted"}
    assert any(row.get("urgent") for row in found)
    assert any(slot.get("quotas") for row in found for slot in row["slots"])


@patiently
@given(DAYS, st.times())
def test_the_draw_that_is_held_at_once_could_be_published_too(today: date, time):
    now = datetime.combine(today, time, UTC)
    assert examine("roster_published", drawn_clinic(now, now + timedelta(seconds=6))) == []


@pytest.mark.parametrize("hospital", HOSPITALS, ids=lambda hospital: hospital.code)
def test_the_hospitals_rules_do(hospital):
    rules = read_rules(hospital.rules)
    assert rules != RuleSet()


def test_the_hospitals_rules_differ_and_one_has_a_short_rest():
    first, second = (read_rules(hospital.rules) for hospital in HOSPITALS)
    assert first != second
    assert second.rest.most_seconds < first.rest.least_seconds


# --- what goes on now ------------------------------------------------------------------------------------------------


@patiently
@given(DAYS, st.times())
def test_at_any_hour_a_clinic_goes_on_unless_midnight_is_near(today: date, time):
    now = datetime.combine(today, time, SHANGHAI)
    row = clinic_of_now(now.astimezone(UTC), now - timedelta(days=1))
    if row is None:
        assert (now + LEAST).date() > today
        return
    starts = datetime.fromisoformat(row["slots"][0]["starts_at"])
    ends = datetime.fromisoformat(row["slots"][-1]["ends_at"])
    assert starts <= now < ends - LEAST + timedelta(seconds=1)
    assert ends - starts <= timedelta(hours=4)
    others = [to_be_stopped(now), released_soon(now, [])]
    assert examine("roster_published", guest_roster(row, *others)) == []


@patiently
@given(DAYS, st.times())
def test_when_a_clinic_is_over_the_next_one_begins_no_sooner(today: date, time):
    now = datetime.combine(today, time, SHANGHAI)
    first = clinic_of_now(now, now - timedelta(days=1))
    if first is not None:
        over = datetime.fromisoformat(first["slots"][-1]["ends_at"])
        for later in (over, over + timedelta(minutes=7), over + timedelta(hours=2)):
            if (second := clinic_of_now(later, over)) is not None:
                assert examine("roster_published", guest_roster(first, second)) == []
                assert first["code"] != second["code"]


@patiently
@given(DAYS, st.times())
def test_each_session_that_is_soon_released_has_a_day_of_its_own(today: date, time):
    now, taken = datetime.combine(today, time, UTC), set[date]()
    while (row := released_soon(now, taken)) is not None:
        assert now < datetime.fromisoformat(row["release_at"]) < now + timedelta(minutes=9)
        assert row["date"] not in {day.isoformat() for day in taken}
        taken.add(date.fromisoformat(row["date"]))
    assert len(taken) >= 3


def test_the_guest_is_none_of_the_hospitals_own_doctors():
    assert guest_roster()["doctors"][0]["code"] == GUEST_CODE
    assert GUEST_CODE not in {doctor["code"] for roster in rosters(date(2026, 11, 22)) for doctor in roster["doctors"]}
    assert GUEST.department in HOSPITALS[0].departments


def test_invented_ids_are_good_ones():
    made = {resident_id(f"x/{n}") for n in range(200)}
    assert len(made) == 200
    assert resident_id("x/0") == resident_id("x/0")
    for number in made:
        assert check_id_number("resident_id", number, date(2026, 11, 22)) == number


class Shown:
    """The demo as its accounts see it."""

    def __init__(self, system: System, clock: ManualClock) -> None:
        self.system, self.clock = system, clock
        self.admin = system.secrets["ADMIN_USERNAME"], system.secrets["ADMIN_PASSWORD"]

    def make(self) -> None:
        seed(self.system.url, *self.admin, clock=self.clock)
        assert enliven(self.system.url, *self.admin, clock=self.clock) == []

    def by(self, username: str) -> Client:
        client = Client(f"{self.system.url}/api/v1")
        client.login(username, PASSWORD)
        return client

    def guests(self, what: str) -> list[dict[str, Any]]:
        """The guest's sessions, as she finds them."""
        doctor = self.by("doctor")
        me = doctor.get("/users/me")["doctor_id"]
        found = doctor.get(f"/sessions?doctor_id={me}&date_from=2026-01-01&limit=200")["items"]
        return [session for session in found if f"-{what}" in session["code"]]

    def everything(self) -> Any:
        """What must not change when it is made again."""
        desk, demo = self.by("doctor"), self.by("demo")
        queues = [desk.get(f"/sessions/{session['id']}/queue") for session in self.guests("now")]
        return (
            [(queue["revision"], queue["counts"]) for queue in queues],
            [(session["id"], session["state"]) for what in ("now", "soon", "stopped") for session in self.guests(what)],
            [(order["id"], order["state"]) for order in demo.get("/orders")["items"]],
            [refund["id"] for refund in self.by("cashier").get("/refunds")["items"]],
        )


@pytest.fixture
def shown(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shown]:
    clock = ManualClock(datetime.now(UTC).replace(hour=2, minute=41) - timedelta(days=3))
    cheap = {
        "PASSWORD_TIME_COST": "1",
        "PASSWORD_MEMORY": "64",
        "ACCESS_TOKEN_SECONDS": "500000",
    }  # the host's are today's
    with System(tmp_path_factory.mktemp("demo"), env=cheap, clock=clock) as system:
        yield Shown(system, clock)


def look_at_every_desk(shown: Shown) -> None:
    (session,) = shown.guests("now")
    queue = f"/sessions/{session['id']}/queue"
    for account in ACCOUNTS:
        assert set(account.roles) <= set(shown.by(account.username).get("/users/me")["roles"])
    seen = shown.by("doctor").get(queue)
    assert seen["counts"] == {"called": 1, "waiting": 5, "expected": 2}
    assert sum(seen["counts"].values()) == LINE
    first = seen["waiting"][0]
    assert (first["visit_class"], first["reason"]) == ("priority", "elderly")
    board = shown.by("board").get(queue)
    (desk,) = board["desks"]
    assert (desk["visit"]["ticket"], desk["visit"]["state"]) == ("W1", "called")
    assert shown.by("manager").get(f"/sessions/{session['id']}/load")["observed"]["waiting"] == 5
    demo = shown.by("demo")
    (visit,) = [each for each in demo.get("/visits")["items"] if each["state"] == "waiting"]
    assert visit["order_id"] is not None
    assert demo.get(f"/visits/{visit['id']}/wait")["ahead"] >= 1


def look_at_a_release_and_a_stop(shown: Shown) -> None:
    (soon,) = shown.guests("soon")
    left = datetime.fromisoformat(soon["release_at"]) - shown.clock()
    assert soon["state"] == "announced"
    assert timedelta(minutes=5) < left < timedelta(minutes=9)
    (stopped,) = shown.guests("stopped")
    board = shown.by("registrar").get(f"/sessions/{stopped['id']}/stoppage")
    assert {row["state"] for row in board["states"]} == {"substitute_offered", "refunding"}
    assert not board["settled"]
    assert [(r["state"], r["method"]) for r in shown.by("cashier").get("/refunds")["items"]] == [
        ("processing", "window")
    ]
    assert "substitute_offered" in {order["state"] for order in shown.by("demo").get("/orders")["items"]}


def test_every_desk_is_alive_and_stays_so_and_the_next_day_has_its_own(shown: Shown):
    shown.make()
    look_at_every_desk(shown)
    look_at_a_release_and_a_stop(shown)
    before = shown.everything()
    shown.make()
    assert shown.everything() == before
    shown.clock.advance(timedelta(hours=5))
    shown.make()  # the first one is over
    shown.clock.advance(timedelta(days=1))
    shown.make()
    assert len(shown.guests("now")) == 3
    session = shown.guests("now")[-1]
    assert shown.by("doctor").get(f"/sessions/{session['id']}/queue")["counts"] == {
        "called": 1,
        "waiting": 5,
        "expected": 2,
    }


def test_a_start_that_was_cut_short_is_made_up_for_by_the_next(shown: Shown, monkeypatch: pytest.MonkeyPatch):
    """Nobody comes twice."""
    seed(shown.system.url, *shown.admin, clock=shown.clock)
    order, placed = today._order, []

    def cut_short(*arguments: Any) -> Any:
        placed.append(order(*arguments))
        if len(placed) == 2:
            raise TimeoutError("killed here")
        return placed[-1]

    monkeypatch.setattr(today, "_order", cut_short)
    faults = enliven(shown.system.url, *shown.admin, clock=shown.clock)
    assert [fault.endswith("killed here") for fault in faults] == [True]
    shown.make()
    look_at_every_desk(shown)
    look_at_a_release_and_a_stop(shown)
