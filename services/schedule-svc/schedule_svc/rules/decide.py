"""What the rules say to one who asks for a number: why not, and until when; or with what weight she takes part in a draw."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from common.clock import SHANGHAI
from common.messages import CreditMark, WeightPart

from schedule_svc.rules.deadlines import at_local, before
from schedule_svc.rules.ruleset import Limit, Penalty, RuleSet

COUNTED = frozenset({"held", "sold", "waiting", "entered"})
"""A registration in these states counts against limits."""


@dataclass(frozen=True, slots=True)
class Registration:
    """One of a patient's reservations, as the rules look at it."""

    order_id: str
    session_id: str
    hospital_id: str
    department_id: str
    doctor_id: str
    date: date
    period: str
    state: str
    """reservations.state: held, sold, waiting, entered, released."""
    released_by: str | None
    """The cause of its release: patient, expired, session_stopped, rescheduled."""
    changed_at: datetime
    was_sold: bool = False
    """It was sold when it was released."""


@dataclass(frozen=True, slots=True)
class Wish:
    """What is asked for. `replaces`: the order whose place it takes, which is not counted beside it."""

    order_id: str
    session_id: str
    hospital_id: str
    department_id: str
    doctor_id: str
    date: date
    period: str
    starts_at: datetime
    ends_at: datetime
    urgent: bool
    replaces: str | None
    substitute: bool = False
    """In place of a session that was stopped: it was offered to her, so that she can have it."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why not. `rule` begins with the rule's path in the rule set; `until`: from then on it does not hold.

    Of too_late, which holds for good, `until` is when booking closed.
    """

    reason: str
    rule: str | None = None
    until: datetime | None = None


def refuse(
    rules: RuleSet,
    wish: Wish,
    now: datetime,
    registrations: Sequence[Registration],
    marks: Sequence[CreditMark],
    placed_at: datetime | None = None,
) -> Refusal | None:
    """The first rule that stands against the wish, or None. `registrations` and `marks` are all that is known of her.

    An order of `placed_at` (default: `now`) that was placed too early stays too early though it is decided later.
    `reason` is too_early, too_late, credit_blocked, cool_down or limit_reached.
    """
    others = [r for r in registrations if r.order_id not in (wish.order_id, wish.replaces)]
    if wish.substitute:
        return _over_limit(rules, wish, others)
    return (
        _outside_window(rules, wish, now, min(now, placed_at or now))
        or _blocked(rules, wish, now, marks)
        or _cooling_down(rules, wish, now, others)
        or _over_limit(rules, wish, others)
    )


def is_follow_up(
    rules: RuleSet, wish: Wish, registrations: Sequence[Registration], marks: Sequence[CreditMark], now: datetime
) -> bool:
    """True if she has seen this doctor in the days before the wished one (复诊).

    What still lies ahead of her is no visit, she may give it back; neither is one that she missed.
    """
    first, today = wish.date - timedelta(days=rules.follow_up_days), now.astimezone(SHANGHAI).date()
    missed = {mark.order_id for mark in marks if mark.kind == "no_show"}
    return any(
        r.state == "sold"
        and r.doctor_id == wish.doctor_id
        and first <= r.date < min(wish.date, today)
        and r.order_id not in missed
        for r in registrations
    )


def weigh(
    rules: RuleSet,
    wish: Wish,
    registrations: Sequence[Registration],
    marks: Sequence[CreditMark],
    urgency: str | None,
    now: datetime,
) -> list[WeightPart]:
    """The parts of her weight in a weighted draw: base, clean_credit, follow_up, referral; their sum is at least 1.

    `urgency` is that of her referral: routine, soon, urgent, or None. Credit is clean if no mark stands at the visit that
    one of the hospital's penalties counts.
    """
    weights = rules.weights
    parts = [WeightPart("base", weights.base)]
    standing = [mark for mark in marks if mark.expires_at > wish.starts_at]
    if not any(_counts(penalty, wish.hospital_id, mark) for penalty in rules.penalties for mark in standing):
        parts.append(WeightPart("clean_credit", weights.clean_credit))
    if is_follow_up(rules, wish, registrations, marks, now):
        parts.append(WeightPart("follow_up", weights.follow_up))
    if urgency is not None:
        points = {"routine": weights.referral.routine, "soon": weights.referral.soon, "urgent": weights.referral.urgent}
        parts.append(WeightPart("referral", points[urgency]))
    return [part for part in parts if part.points]


def _outside_window(rules: RuleSet, wish: Wish, now: datetime, placed_at: datetime) -> Refusal | None:
    window = rules.window
    if window.days_ahead is not None:
        opens = at_local(wish.date - timedelta(days=window.days_ahead), window.opens_at)
        if placed_at < opens:
            return Refusal(
                "too_early", f"window.days_ahead: {window.days_ahead} days ahead, from {window.opens_at}", opens
            )
    if window.closes is not None and now >= (closed := before(window.closes, wish.starts_at)):
        return Refusal("too_late", "window.closes: booking has closed for this session", closed)
    return None


def _blocked(rules: RuleSet, wish: Wish, now: datetime, marks: Sequence[CreditMark]) -> Refusal | None:
    if wish.urgent:
        return None  # nobody is kept from urgent care
    longest: Refusal | None = None
    for i, penalty in enumerate(rules.penalties):
        until = _blocked_until(penalty, wish.hospital_id, now, marks)
        if until is not None and until > now and (longest is None or longest.until is None or until > longest.until):
            longest = Refusal("credit_blocked", f"penalties[{i}]: {_said(penalty)}", until)
    return longest


def _blocked_until(penalty: Penalty, hospital_id: str, now: datetime, marks: Sequence[CreditMark]) -> datetime | None:
    """When the penalty ends. A mark that expires counts no longer, which may end it sooner."""
    counted = sorted((m for m in marks if m.expires_at > now and _counts(penalty, hospital_id, m)), key=lambda m: m.at)
    ends = []
    for last, mark in enumerate(counted):
        first = last + 1 - penalty.count
        if first >= 0 and _within(penalty, counted[first].at, mark.at):
            ends.append(min(mark.at + timedelta(days=penalty.blocked_days), counted[first].expires_at))
    return max(ends, default=None)


def _counts(penalty: Penalty, hospital_id: str, mark: CreditMark) -> bool:
    if mark.kind != penalty.kind or (penalty.of == "hospital" and mark.hospital_id != hospital_id):
        return False
    return penalty.notice_hours is None or (mark.notice_hours is not None and mark.notice_hours < penalty.notice_hours)


def _within(penalty: Penalty, first: datetime, last: datetime) -> bool:
    if penalty.within_days is None:
        return first.astimezone(SHANGHAI).year == last.astimezone(SHANGHAI).year
    return last - first < timedelta(days=penalty.within_days)


def _said(penalty: Penalty) -> str:
    of = "a calendar year" if penalty.within_days is None else f"{penalty.within_days} days"
    return f"{penalty.count} {penalty.kind} within {of}, blocked for {penalty.blocked_days} days"


def _cooling_down(rules: RuleSet, wish: Wish, now: datetime, others: Sequence[Registration]) -> Refusal | None:
    longest: Refusal | None = None
    for r in others:
        if r.state != "released" or r.doctor_id != wish.doctor_id or r.released_by not in ("patient", "expired"):
            continue
        name = "confirmed_seconds" if r.was_sold else "unpaid_seconds"
        seconds: int = getattr(rules.cool_down, name)
        until = r.changed_at + timedelta(seconds=seconds)
        if until > now and (longest is None or longest.until is None or until > longest.until):
            longest = Refusal("cool_down", f"cool_down.{name}: {seconds} s until the same doctor again", until)
    return longest


def _over_limit(rules: RuleSet, wish: Wish, others: Sequence[Registration]) -> Refusal | None:
    active = [r for r in others if r.state in COUNTED]
    for i, limit in enumerate(rules.limits):
        first, after = span(wish.date, limit.per)
        mine = [
            r
            for r in active
            if first <= r.date < after
            and getattr(r, f"{limit.of}_id") == getattr(wish, f"{limit.of}_id")
            and (limit.per != "period" or r.period == wish.period)
        ]
        if _count(limit, mine, wish) > limit.most:
            until = wish.ends_at if limit.per == "period" else datetime.combine(after, time(), SHANGHAI).astimezone(UTC)
            return Refusal("limit_reached", f"limits[{i}]: {limit_said(limit)}", until)
    return None


def _count(limit: Limit, mine: Sequence[Registration], wish: Wish) -> int:
    if limit.counting == "departments":
        return len({r.department_id for r in mine} | {wish.department_id})
    return len(mine) + 1


def limit_said(limit: Limit) -> str:
    """A limit in the words of a refusal; they never change for the same limit."""
    what = "departments " if limit.counting == "departments" else ""
    return f"at most {limit.most} {what}per {limit.of} and {limit.per}"


def span(day: date, per: str) -> tuple[date, date]:
    """The day, week (from Monday), month or quarter of that day, as its first day and the day after it. A period's is the day."""
    if per == "week":
        first = day - timedelta(days=day.weekday())
        return first, first + timedelta(days=7)
    if per in ("month", "quarter"):
        months = 1 if per == "month" else 3
        first = day.replace(month=(day.month - 1) // months * months + 1, day=1)
        return first, (first + timedelta(days=31 * months)).replace(day=1)
    return day, day + timedelta(days=1)
