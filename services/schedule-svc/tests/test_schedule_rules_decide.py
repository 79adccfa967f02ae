"""What the rules say to one who asks: limits, the booking window, cool-downs, credit; weights; and words that explain them."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from common.messages import CreditMark
from rules_world import HOUR, NOW, VISIT, at, has, limited, mark, refusal, wish
from schedule_svc import rules as r
from schedule_svc.rules.ruleset import CoolDown, Deadline, Limit, Penalty, Referral, RuleSet, Weights, Window
from schedule_svc.rules.words import in_words

# --- limits ------------------------------------------------------------------------------------------------------


def test_one_per_doctor_and_day():
    assert refusal(RuleSet(), wish()) is None
    refused = refusal(RuleSet(), wish(), has(period="afternoon"))
    assert refused == r.Refusal("limit_reached", "limits[0]: at most 1 per doctor and day", at("2026-09-11T00:00"))
    assert refusal(RuleSet(), wish(), has(date(2026, 9, 11)), has(doctor_id="other")) is None


@pytest.mark.parametrize(
    ("state", "counts"), [*((s, True) for s in ("held", "sold", "waiting", "entered")), ("released", False)]
)
def test_what_is_active_counts(state: str, *, counts: bool):
    assert (refusal(RuleSet(), wish(), has(state=state)) is not None) is counts


def test_what_it_replaces_and_itself_do_not_count():
    assert refusal(RuleSet(), wish(replaces="old"), has()) is None
    assert refusal(RuleSet(), wish(order_id="old"), has()) is None
    assert refusal(RuleSet(), wish(replaces="old"), has(), has(order_id="third")) is not None


@pytest.mark.parametrize(
    ("limit", "other", "counts"),
    [
        (Limit(most=1, of="session", per="day"), {"session_id": "ses", "doctor_id": "x"}, True),
        (Limit(most=1, of="session", per="day"), {}, False),
        (Limit(most=1, of="department", per="day"), {"doctor_id": "x"}, True),
        (Limit(most=1, of="department", per="day"), {"department_id": "x"}, False),
        (Limit(most=1, of="hospital", per="day"), {"department_id": "x", "doctor_id": "x"}, True),
        (Limit(most=1, of="hospital", per="day"), {"hospital_id": "x"}, False),
        (Limit(most=1, of="department", per="period"), {"period": "afternoon"}, False),
        (Limit(most=1, of="department", per="period"), {}, True),
        (Limit(most=1, of="hospital", per="week"), {"day": date(2026, 9, 7)}, True),
        (Limit(most=1, of="hospital", per="week"), {"day": date(2026, 9, 6)}, False),
        (Limit(most=1, of="hospital", per="month"), {"day": date(2026, 9, 30)}, True),
        (Limit(most=1, of="hospital", per="month"), {"day": date(2026, 10, 1)}, False),
        (Limit(most=1, of="hospital", per="quarter"), {"day": date(2026, 7, 1)}, True),
        (Limit(most=1, of="hospital", per="quarter"), {"day": date(2026, 6, 30)}, False),
    ],
)
def test_of_what_and_per_what(limit: Limit, other: dict[str, Any], *, counts: bool):
    assert (refusal(limited(limit), wish(), has(**other)) is not None) is counts


def test_when_a_limit_ends():
    ends = {
        "period": "2026-09-10T12:00",
        "week": "2026-09-14T00:00",
        "month": "2026-10-01T00:00",
        "quarter": "2026-10-01T00:00",
    }
    for per, end in ends.items():
        refused = refusal(limited(Limit(most=1, of="hospital", per=per)), wish(), has())  # type: ignore[arg-type]
        assert refused is not None
        assert refused.until == at(end)


def test_departments_are_counted_once_each():
    rules = limited(Limit(most=2, of="hospital", per="day", counting="departments"))
    two = [has(order_id="a"), has(order_id="b", doctor_id="x"), has(order_id="c", department_id="dep2")]
    assert refusal(rules, wish(), *two) is None
    refused = refusal(rules, wish(department_id="dep3"), *two)
    assert refused is not None
    assert refused.rule == "limits[0]: at most 2 departments per hospital and day"


def test_the_first_limit_that_is_reached_is_named():
    rules = limited(Limit(most=2, of="doctor", per="day"), Limit(most=1, of="hospital", per="week"))
    refused = refusal(rules, wish(), has(date(2026, 9, 8)))
    assert refused is not None
    assert refused.rule == "limits[1]: at most 1 per hospital and week"


# --- window, cool-down, credit ----------------------------------------------------------------------------------------


def test_the_booking_window():
    rules = RuleSet(window=Window(days_ahead=7, opens_at="08:30", closes=Deadline(days=1, at="14:00")))
    opens, closes = at("2026-09-03T08:30"), at("2026-09-09T14:00")
    second = timedelta(seconds=1)
    assert refusal(rules, wish(), now=opens - second) == r.Refusal(
        "too_early", "window.days_ahead: 7 days ahead, from 08:30", opens
    )
    assert refusal(rules, wish(), now=opens) is None
    assert refusal(rules, wish(), now=closes - second) is None
    refused = refusal(rules, wish(), now=closes)
    assert refused == r.Refusal("too_late", "window.closes: booking has closed for this session", closes)


def test_a_cool_down_is_the_doctors_and_passes():
    rules = RuleSet(cool_down=CoolDown(unpaid_seconds=60, confirmed_seconds=7200))
    for cause in ("patient", "expired"):
        gone = has(state="released", released_by=cause, changed_at=NOW)
        refused = refusal(rules, wish(), gone)
        assert refused is not None
        assert (refused.reason, refused.until) == ("cool_down", NOW + timedelta(seconds=60))
        assert refused.rule == "cool_down.unpaid_seconds: 60 s until the same doctor again"
        assert refusal(rules, wish(doctor_id="other"), gone) is None
        assert refusal(rules, wish(), gone, now=NOW + timedelta(seconds=60)) is None
    paid = has(state="released", released_by="patient", changed_at=NOW, was_sold=True)
    refused = refusal(rules, wish(), paid, gone)
    assert refused is not None
    assert refused.until == NOW + 2 * HOUR, "the longest of those that hold"


@pytest.mark.parametrize("cause", ["session_stopped", "rescheduled", None])
def test_what_is_not_her_doing_cools_nothing_down(cause: str | None):
    assert refusal(RuleSet(), wish(), has(state="released", released_by=cause, changed_at=NOW)) is None


def blocked(rules: RuleSet, *marks: CreditMark, now: datetime = NOW, **changes: Any) -> r.Refusal | None:
    return r.refuse(rules, wish(**changes), now, [], marks)


def test_three_missed_visits_in_a_year_block_for_ninety_days_from_the_last():
    marks = [mark(60), mark(40), mark(5)]
    refused = blocked(RuleSet(), *marks)
    until = NOW + timedelta(days=85)
    assert refused == r.Refusal(
        "credit_blocked", "penalties[0]: 3 no_show within a calendar year, blocked for 90 days", until
    )
    assert blocked(RuleSet(), *marks[:2]) is None
    assert blocked(RuleSet(), *marks, now=until) is None
    assert blocked(RuleSet(), *marks, now=until - timedelta(seconds=1)) is not None


def test_six_block_for_longer():
    refused = blocked(RuleSet(), *[mark(days) for days in (6, 5, 4, 3, 2, 1)])
    assert refused is not None
    assert refused.until == NOW + timedelta(days=179)
    assert refused.rule == "penalties[1]: 6 no_show within a calendar year, blocked for 180 days"


def test_nobody_is_kept_from_urgent_care():
    marks = [mark(3), mark(2), mark(1)]
    assert blocked(RuleSet(), *marks) is not None
    assert blocked(RuleSet(), *marks, urgent=True) is None


def test_a_calendar_year_is_beijings():
    """16:30 UTC on 31 December is next year already."""
    now = at("2027-01-10T00:00").astimezone(UTC)

    def no_show(text: str) -> CreditMark:
        return mark(1, id=text, at=at(text), expires_at=at(text) + timedelta(days=365))

    old = [no_show("2026-12-30T09:00"), no_show("2026-12-31T09:00")]
    same = no_show("2026-12-31T23:59")
    other = no_show("2027-01-01T00:01")
    assert other.at.astimezone(UTC).year == 2026
    assert blocked(RuleSet(), *old, same, now=now) is not None
    assert blocked(RuleSet(), *old, other, now=now) is None


def test_a_mark_that_expires_counts_no_longer():
    penalty = Penalty(kind="no_show", count=2, within_days=200, blocked_days=366)
    rules = RuleSet(penalties=(penalty,))
    marks = [mark(360), mark(200)]
    refused = blocked(rules, *marks)
    assert refused is not None
    assert refused.until == NOW + timedelta(days=5)
    assert blocked(rules, *marks, now=NOW + timedelta(days=5)) is None


def test_late_cancellations_count_by_their_notice_and_within_their_days():
    rules = RuleSet(penalties=(Penalty(kind="late_cancel", count=2, within_days=30, notice_hours=24, blocked_days=30),))
    late = "late_cancel"
    assert blocked(rules, mark(2, late), mark(1, late)) is not None
    assert blocked(rules, mark(2, late, notice_hours=24), mark(1, late)) is None
    assert blocked(rules, mark(2, late, notice_hours=23), mark(1, late)) is not None
    assert blocked(rules, mark(31, late), mark(1, late)) is None
    assert blocked(rules, mark(30.5, late), mark(1, late)) is not None
    assert blocked(rules, mark(2, "no_show"), mark(1, late)) is None


def test_marks_of_other_hospitals_count_if_the_rule_says_so():
    marks = [mark(2, hospital_id="elsewhere"), mark(1)]
    here = Penalty(kind="no_show", count=2, blocked_days=30, of="hospital")
    anywhere = Penalty(kind="no_show", count=2, blocked_days=30, of="platform")
    assert blocked(RuleSet(penalties=(here,)), *marks) is None
    assert blocked(RuleSet(penalties=(anywhere,)), *marks) is not None


# --- weights ---------------------------------------------------------------------------------------------------------


DAY_BEFORE = at("2026-09-09T08:00")


def test_a_follow_up_is_an_earlier_number_of_the_same_doctor():
    rules = RuleSet(follow_up_days=30)
    assert r.is_follow_up(rules, wish(), [has(VISIT - timedelta(days=30))], [], DAY_BEFORE)
    assert not r.is_follow_up(rules, wish(), [has(VISIT - timedelta(days=31))], [], DAY_BEFORE)
    assert not r.is_follow_up(rules, wish(), [has(VISIT)], [], DAY_BEFORE)
    assert not r.is_follow_up(rules, wish(), [has(VISIT - timedelta(days=3), "released")], [], DAY_BEFORE)
    assert not r.is_follow_up(rules, wish(), [has(VISIT - timedelta(days=3), doctor_id="other")], [], DAY_BEFORE)


def test_the_parts_of_a_weight():
    rules = RuleSet(
        weights=Weights(base=10, clean_credit=2, follow_up=5, referral=Referral(routine=0, soon=7, urgent=20))
    )
    before = has(VISIT - timedelta(days=3))

    def parts(*registrations: r.Registration, marks: Any = (), urgency: str | None = None) -> dict[str, int]:
        return {part.name: part.points for part in r.weigh(rules, wish(), registrations, marks, urgency, DAY_BEFORE)}

    assert parts() == {"base": 10, "clean_credit": 2}
    assert parts(before, urgency="soon") == {"base": 10, "clean_credit": 2, "follow_up": 5, "referral": 7}
    assert parts(marks=[mark(1)], urgency="urgent") == {"base": 10, "referral": 20}
    assert parts(marks=[mark(364)]) == {"base": 10, "clean_credit": 2}, "expired before the visit"
    noted = mark(1, "late_cancel", notice_hours=30)
    assert parts(marks=[noted]) == {"base": 10, "clean_credit": 2}, "with notice enough for this hospital"
    assert parts(marks=[mark(1, "late_cancel", notice_hours=3)]) == {"base": 10}
    assert parts(urgency="routine") == {"base": 10, "clean_credit": 2}, "what adds nothing is no part"


def test_every_refusal_names_a_rule_that_the_words_explain():
    rules = RuleSet(window=Window(days_ahead=7, opens_at="08:30", closes=Deadline(days=1, at="14:00")))
    explained = {sentence.rule for sentence in in_words(rules)}
    in_time = at("2026-09-05T08:00")
    refusals = [
        refusal(rules, wish(), now=at("2026-09-01T00:00")),
        refusal(rules, wish(), now=at("2026-09-10T00:00")),
        refusal(rules, wish(), has(), now=in_time),
        refusal(rules, wish(), has(state="released", released_by="patient", changed_at=in_time), now=in_time),
        r.refuse(rules, wish(), in_time, [], [mark(3), mark(2), mark(1)]),
    ]
    named = [refused.rule.partition(": ")[0] for refused in refusals if refused and refused.rule]
    assert named == ["window.days_ahead", "window.closes", "limits[0]", "cool_down.unpaid_seconds", "penalties[0]"]
    assert set(named) <= explained
