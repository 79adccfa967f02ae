"""Matching is pure: bills that are derived from books and then changed show exactly the changes, whatever the order."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any

import pytest
from bills_world import DAY, NEXT, THIRD, at
from hypothesis import given, settings
from hypothesis import strategies as st
from payment_svc.matching import ACCEPTED, Back, Capture, Line, Transaction, behind, compare

DAYS = (DAY, NEXT, THIRD)
Expected = Counter[tuple[date, str, str]]


def all_there(_day: date) -> bool:
    return False


@dataclass
class Case:
    """A transaction after its changes, and what must be found of it, as (day, part, kind)."""

    transaction: Transaction
    expected: Expected


def billed(thing: Capture | Back, number: str = "N") -> Line:
    if isinstance(thing, Capture):
        return Line(thing.day, "payment", thing.number, "", thing.amount, thing.at, "SUCCESS")
    return Line(thing.day, "refund", number, thing.number, thing.amount, thing.asked_at, "SUCCESS")


def moments() -> st.SearchStrategy[datetime]:
    """Of the first two days; the third is there for what was put off."""
    of_day = st.sampled_from([(0, 0, 0), (0, 7, 0), (12, 0, 0), (23, 52, 0), (23, 59, 59)])
    return st.tuples(st.sampled_from(DAYS[:2]), of_day).map(lambda pair: at(pair[0], *pair[1]))


def edited(line: Line, edit: str, part: str, expected: Expected) -> list[Line]:
    """The lines of a bill after one change."""
    day = line.day
    if edit == "drop":
        expected[day, part, "missing_in_bill" if part == "payment" else "refund_missing"] += 1
        return []
    if edit == "amount":
        expected[day, part, "amount_mismatch"] += 1
        return [replace(line, amount=line.amount + 1)]
    if edit == "twice":
        expected[day, part, "duplicate"] += 1
        return [line, line]
    if edit == "twice_later":
        expected[day + timedelta(days=1), part, "duplicate"] += 1
        return [line, replace(line, day=day + timedelta(days=1))]
    if edit == "later":
        expected[day, part, "other_day"] += 1
        expected[day + timedelta(days=1), part, "other_day"] += 1
        return [replace(line, day=day + timedelta(days=1))]
    return [line]


@st.composite
def payments(draw: Any, name: str, expected: Expected) -> tuple[Capture | None, list[Line], dict[str, str]]:
    capture = Capture(f"N{name}", draw(st.integers(1, 10**6)), draw(moments()), f"ord_{name}")
    line = billed(capture)
    edit = draw(
        st.sampled_from(["", "", "drop", "amount", "twice", "twice_later", "later", "renumber", "unheard", "stranger"])
    )
    if edit == "renumber":
        expected[line.day, "payment", "missing_local"] += 1
        return capture, [replace(line, number="OTHER")], {}
    if edit in {"unheard", "stranger"}:
        known = edit == "unheard"
        expected[line.day, "payment", "local_not_paid" if known else "missing_local"] += 1
        return None, [line], {line.number: f"ord_{name}"} if known else {}
    return capture, edited(line, edit, "payment", expected), {}


@st.composite
def refunds(draw: Any, name: str, expected: Expected) -> tuple[Back, list[Line]]:
    state = draw(
        st.sampled_from(["reserved", "submitted", "processing", "abnormal", "succeeded", "succeeded", "failed"])
    )
    moment = draw(moments())
    back = Back(f"rfd_{name}", f"R{name}", draw(st.integers(1, 10**6)), state, moment, moment, "ord")
    line = billed(back, f"N{name}")
    if state == "failed":
        edit = draw(st.sampled_from(["gone", "frozen", "went"]))
        if edit == "went":
            expected[line.day, "refund", "refund_extra"] += 1
        return back, [] if edit == "gone" else [replace(line, status="PROCESSING" if edit == "frozen" else "SUCCESS")]
    if state not in ACCEPTED:
        return back, draw(st.sampled_from([[], [line]]))  # its answer was lost, or it never arrived
    edit = draw(st.sampled_from(["", "", "drop", "amount", "twice", "twice_later", "later"]))
    return back, edited(line, edit, "refund", expected)


@st.composite
def cases(draw: Any, name: str) -> Case:
    expected: Expected = Counter()
    capture, lines, known = draw(payments(name, expected))
    backs: list[Back] = []
    if capture is not None:
        for n in range(draw(st.integers(0, 3))):
            back, more = draw(refunds(f"{name}{n}", expected))
            backs.append(back)
            lines += more
    if draw(st.booleans()):
        extra = Line(draw(st.sampled_from(DAYS)), "refund", "?", "CONSOLE", 2 * 10**6, at(DAY, 3), "SUCCESS")
        lines.append(extra)
        expected[extra.day, "refund", "refund_extra"] += 1
    return Case(
        Transaction(f"T{name}", draw(st.permutations(lines)), capture, draw(st.permutations(backs)), known), expected
    )


def books_of(t: Transaction, day: date) -> Iterator[tuple[str, int]]:
    """What the day's books have of a transaction."""
    if t.capture is not None and t.capture.day == day:
        yield "payment", t.capture.amount
    on_a_bill = {line.refund_number for line in t.lines}
    for back in t.refunds:
        if back.day == day and (back.state in ACCEPTED or back.number in on_a_bill):
            yield "refund", back.amount


def check_sums(ts: Sequence[Transaction], day: date, found: Sequence[Any]) -> None:
    """Bill - books is what was found, by count and sum: nothing is lost between the two."""
    bill = [(line.kind, line.amount) for t in ts for line in t.lines if line.day == day]
    books = [pair for t in ts for pair in books_of(t, day)]
    for part in ("payment", "refund"):
        theirs, ours = ([fen for kind, fen in side if kind == part] for side in (bill, books))
        of_part = [one for one in found if one.part == part]
        assert sum(theirs) - sum(ours) == sum((one.theirs or 0) - (one.ours or 0) for one in of_part)
        assert len(theirs) - len(ours) == sum((one.theirs is not None) - (one.ours is not None) for one in of_part)


@settings(max_examples=300, deadline=None)
@given(st.tuples(*(cases(name) for name in "ABC")))
def test_exactly_the_changes_are_found(made: tuple[Case, ...]) -> None:
    found_in_all: Expected = Counter()
    for day in DAYS:
        found = [one for case in made for one in compare(day, case.transaction, all_there)]
        assert all(one.decided for one in found)
        assert len({one.key for one in found}) == len(found)
        check_sums([case.transaction for case in made], day, found)
        found_in_all.update((day, one.part, one.kind) for one in found)
    expected: Expected = sum((case.expected for case in made), Counter())
    assert found_in_all == expected


@settings(max_examples=100, deadline=None)
@given(cases("A"), st.randoms(use_true_random=False))
def test_the_order_of_lines_does_not_matter(case: Case, chance: Any) -> None:
    t = case.transaction
    lines, backs = list(t.lines), list(t.refunds)
    chance.shuffle(lines)
    chance.shuffle(backs)
    for day in DAYS:
        assert compare(day, replace(t, lines=lines, refunds=backs), all_there) == compare(day, t, all_there)


@pytest.mark.parametrize(
    ("when", "waits_for", "decided"),
    [
        (at(NEXT, 12), {DAY, THIRD}, True),
        (at(NEXT, 23, 46), {THIRD}, False),
        (at(NEXT, 23, 46), {DAY}, True),
        (at(NEXT, 23, 44), {THIRD}, True),
        (at(NEXT, 0, 14), {DAY}, False),
        (at(NEXT, 0, 14), {THIRD}, True),
        (at(NEXT, 0, 16), {DAY}, True),
    ],
)
def test_only_what_is_near_midnight_waits_for_another_bill(when: datetime, waits_for: set[date], decided: bool) -> None:
    t = Transaction("T", capture=Capture("N", 1, when, "ord"))
    (finding,) = compare(NEXT, t, waits_for.__contains__)
    assert (finding.kind, finding.decided) == ("missing_in_bill", decided)


def test_a_refund_that_was_accepted_days_later_waits_for_that_days_bill() -> None:
    """Our account was empty, say: it is on the bill of the day on which the provider took it."""
    back = Back("rfd", "R", 5, "succeeded", at(DAY, 12), at(THIRD, 12), "ord")
    t = Transaction("T", capture=Capture("N", 5, at(DAY, 11), "ord"), refunds=[back], lines=[])
    kinds = [(one.kind, one.decided) for one in compare(DAY, t, {THIRD}.__contains__)]
    assert kinds == [("missing_in_bill", True), ("refund_missing", False)]
    late = replace(billed(back), day=THIRD)
    found = compare(DAY, replace(t, lines=[late]), all_there)
    assert [one.kind for one in found] == ["missing_in_bill", "other_day"]


def test_an_amount_alone_matches_only_what_has_gone_back() -> None:
    capture = Capture("N", 5, at(DAY, 11), "ord", cancelled=True)
    back = Back("rfd", "R", 5, "processing", at(DAY, 12), at(DAY, 12), "ord")
    line = replace(billed(back), refund_number="PROVIDERS")
    t = Transaction("T", lines=[billed(capture), line], capture=capture, refunds=[back])
    assert [one.kind for one in compare(DAY, t, all_there)] == ["refund_extra", "refund_missing"]
    done = replace(t, refunds=[replace(back, state="succeeded")])
    assert [one.kind for one in compare(DAY, done, all_there)] == ["other_number", "other_number"]
    kept = replace(done, capture=replace(capture, cancelled=False))
    assert [one.kind for one in compare(DAY, kept, all_there)] == ["refund_extra", "refund_missing"]


@pytest.mark.parametrize(
    ("state", "status", "asked"),
    [
        ("submitted", "SUCCESS", True),
        ("processing", "退款", True),
        ("processing", "PROCESSING", False),
        ("succeeded", "SUCCESS", False),
        ("failed", "SUCCESS", False),
    ],
)
def test_whose_refund_is_behind_its_bill(state: str, status: str, asked: bool) -> None:
    back = Back("rfd", "R", 5, state, at(DAY, 12), at(DAY, 12), "ord")
    t = Transaction("T", lines=[replace(billed(back), status=status)], refunds=[back])
    assert bool(list(behind(t))) == asked
