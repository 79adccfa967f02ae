"""What a bill and our books disagree about: pure.

Everything is judged transaction by transaction: the lines of all bills that name it, beside the capture and the refunds that we have of
it. So neither the order of lines nor which day is compared first makes a difference.

A finding takes `theirs` fen from the day's bill and `ours` from the day's books. What stands of them is all that the two differ by:
sum of lines - sum of books = sum of theirs - sum of ours, and so are the counts; for payments and for refunds, each by itself.
"""

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from typing import Any, Literal

from common.clock import SHANGHAI

Part = Literal["payment", "refund"]
Kind = Literal[
    "local_not_paid",
    "missing_local",
    "missing_in_bill",
    "amount_mismatch",
    "refund_missing",
    "refund_extra",
    "duplicate",
    "other_day",
    "other_number",
]
KINDS: tuple[Kind, ...] = Kind.__args__  # type: ignore[attr-defined]
"""The last two explain themselves. `other_day`: bill and books have it, on different days, as when it was paid at midnight.
`other_number`: a refund that the provider made by itself, because we cancelled the trade, under a number of its own."""

NEAR = timedelta(minutes=15)
"""So near to midnight a thing may be on the neighbouring day's bill."""
ACCEPTED = frozenset({"processing", "abnormal", "succeeded"})
"""Refunds in these states are known to the provider, so its bill must have them."""
IN_FLIGHT = frozenset({"reserved", "submitted", "processing", "abnormal"})
_NOT_DONE = frozenset({"PROCESSING", "FAIL", "FAILED", "CHANGE", "CLOSED", "ABNORMAL"})
"""What a bill may say of a refund that has not arrived: WeChat freezes it when the bill is made."""


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a bill of `day`; amount in fen."""

    day: date
    kind: Part
    number: str
    refund_number: str
    amount: int
    at: datetime
    status: str

    @property
    def arrived(self) -> bool:
        """True if the bill says that a refund is done."""
        return arrived(self.status)


@dataclass(frozen=True, slots=True)
class Capture:
    """What came, as our books have it. `order_id` None: it is nobody's. `cancelled`: we have told the provider to cancel its trade."""

    number: str
    amount: int
    at: datetime
    order_id: str | None
    cancelled: bool = False

    @property
    def day(self) -> date:
        return beijing_day(self.at)


@dataclass(frozen=True, slots=True)
class Back:
    """A refund, as our books have it. It is of the day on which it was asked for."""

    id: str
    number: str
    amount: int
    state: str
    asked_at: datetime
    changed_at: datetime
    order_id: str

    @property
    def day(self) -> date:
        return beijing_day(self.asked_at)


@dataclass(frozen=True, slots=True)
class Transaction:
    """All that is known of one. `lines`: of all days; `known`: whose the numbers are that we gave out, of those that its lines name;
    `captured`: those of them that have a capture, which is then of another transaction.
    """

    id: str
    lines: Sequence[Line] = ()
    capture: Capture | None = None
    refunds: Sequence[Back] = ()
    known: Mapping[str, str] = field(default_factory=dict)
    captured: Collection[str] = ()


@dataclass(frozen=True, slots=True)
class Finding:
    """One line, or one thing of ours, that does not fit. In fen; None: that side's day does not have it.

    `decided` False: another day's bill may yet have it. `explained`: why it is in order.
    """

    kind: Kind
    part: Part
    number: str
    refund_number: str
    transaction_id: str
    ours: int | None
    theirs: int | None
    order_id: str | None
    evidence: Mapping[str, Any]
    decided: bool = True
    explained: str = ""
    ordinal: int = 0

    @property
    def key(self) -> tuple[str, str, str, str, str, int]:
        """What it is known by within its day."""
        return (self.transaction_id, self.part, self.kind, self.number, self.refund_number, self.ordinal)


def arrived(status: str) -> bool:
    """True if a bill's status says that a refund is done."""
    return status.upper() not in _NOT_DONE


def beijing_day(at: datetime) -> date:
    """The day of bills and of books: Asia/Shanghai."""
    return at.astimezone(SHANGHAI).date()


def compare(day: date, transaction: Transaction, awaited: Callable[[date], bool]) -> list[Finding]:
    """What does not fit of a transaction on that day. `awaited` is true for days whose bill is not in hand, but will be."""
    found = [*_payments(day, transaction, awaited), *_refunds(day, transaction, awaited)]
    found.sort(key=lambda one: (one.key, one.theirs or 0, one.ours or 0))
    seen: Counter[Any] = Counter()
    numbered = []
    for one in found:
        numbered.append(replace(one, ordinal=seen[one.key]))
        seen[one.key] += 1
    return numbered


def behind(transaction: Transaction) -> Iterator[Back]:
    """The refunds that a bill says have arrived, and we have as under way: their provider must be asked."""
    lines = {line.refund_number for line in transaction.lines if line.kind == "refund" and line.arrived}
    yield from (back for back in transaction.refunds if back.state in IN_FLIGHT and back.number in lines)


# --- payments ----------------------------------------------------------------------------------------------------------


def _payments(day: date, t: Transaction, awaited: Callable[[date], bool]) -> Iterator[Finding]:
    capture = t.capture
    lines = sorted((line for line in t.lines if line.kind == "payment"), key=lambda line: _fitness(line, capture))
    stands = lines[0] if lines else None
    yield from (_of_line("duplicate", t, line, None) for line in lines[1:] if line.day == day)
    if stands is not None and stands.day == day:
        yield from _judged(day, t, stands)
    elif capture is not None and capture.day == day:
        if stands is not None:
            yield _of_capture("other_day", t, capture, explained=_on(stands.day))
        else:
            late = any(awaited(other) for other in _near(capture.at, capture.at))
            yield _of_capture("missing_in_bill", t, capture, decided=not late)


def _fitness(line: Line, capture: Capture | None) -> tuple[Any, ...]:
    """Of several lines the first one stands: the oldest bill's, on it the one that fits our books."""
    fits = capture is not None and (line.number, line.amount) == (capture.number, capture.amount)
    return (line.day, not fits, line.number, line.amount, line.at, line.status)


def _judged(day: date, t: Transaction, line: Line) -> Iterator[Finding]:
    capture = t.capture
    if capture is None:
        yield _of_line(_unheard(t, line), t, line, None)
        return
    ours = capture.amount if capture.day == day else None
    if capture.order_id is None or capture.number != line.number:
        yield _of_line("missing_local", t, line, ours)
    elif capture.amount != line.amount:
        yield _of_line("amount_mismatch", t, line, ours)
    elif ours is None:
        yield _of_line("other_day", t, line, None, explained=_in(capture.day))


def _unheard(t: Transaction, line: Line) -> Kind:
    """What a line is whose transaction we do not have. A number of ours is paid once: what has a capture is not paid again."""
    if line.number in t.captured:
        return "duplicate"
    return "local_not_paid" if line.number in t.known else "missing_local"


def _of_capture(kind: Kind, t: Transaction, capture: Capture, **more: Any) -> Finding:
    evidence = {"books": _seen(capture)}
    return Finding(
        kind, "payment", capture.number, "", t.id, capture.amount, None, capture.order_id, evidence=evidence, **more
    )


def _of_line(kind: Kind, t: Transaction, line: Line, ours: int | None, *, explained: str = "") -> Finding:
    """A finding about a payment's line."""
    capture = t.capture
    evidence = {"bill": _seen(line), **({"books": _seen(capture)} if capture else {})}
    order_id = capture.order_id if capture else t.known.get(line.number)
    return Finding(
        kind, "payment", line.number, "", t.id, ours, line.amount, order_id, evidence=evidence, explained=explained
    )


# --- refunds -----------------------------------------------------------------------------------------------------------


def _refunds(day: date, t: Transaction, awaited: Callable[[date], bool]) -> Iterator[Finding]:
    pairs, alone, unbilled, twice = _paired(t)
    for line in twice:
        if line.day == day:
            yield _of_back("duplicate", t, line, None, None, line.amount)
    for line, back in pairs:
        yield from _judged_back(day, t, line, back)
    for line in alone:
        if line.day == day:
            yield _of_back("refund_extra", t, line, None, None, line.amount)
    for back in unbilled:
        if back.day == day and back.state in ACCEPTED:
            late = any(awaited(other) for other in _near(back.asked_at, back.changed_at))
            yield replace(_of_back("refund_missing", t, None, back, back.amount, None), decided=not late)


def _paired(t: Transaction) -> tuple[list[tuple[Line, Back]], list[Line], list[Back], list[Line]]:
    """Lines and refunds that are one; lines without refund; refunds without line; lines that say the same again.

    By their number. What the provider gave back on its own, if we cancelled the trade, may carry another one: then by the amount.
    """
    by_number: dict[str, list[Line]] = {}
    for line in sorted((line for line in t.lines if line.kind == "refund"), key=_back_order):
        by_number.setdefault(line.refund_number, []).append(line)
    pairs, unbilled, twice = [], [], []
    for back in sorted(t.refunds, key=lambda back: (back.asked_at, back.number)):
        lines = by_number.pop(back.number, [])
        if not lines:
            unbilled.append(back)
            continue
        stands = min(lines, key=lambda line: (line.day, line.amount != back.amount, *_back_order(line)))
        pairs.append((stands, back))
        lines.remove(stands)
        twice += lines
    alone = []
    for number, (first, *again) in by_number.items():
        alone += [first] if number else [first, *again]
        twice += again if number else []
    for line in sorted(alone, key=_back_order) if t.capture and t.capture.cancelled else ():
        same = [back for back in unbilled if back.amount == line.amount and back.state == "succeeded"]
        if same:
            pairs.append((line, same[0]))
            alone.remove(line)
            unbilled.remove(same[0])
    return pairs, alone, unbilled, twice


def _back_order(line: Line) -> tuple[Any, ...]:
    return (line.day, line.at, line.refund_number, line.amount, line.status)


def _judged_back(day: date, t: Transaction, line: Line, back: Back) -> Iterator[Finding]:
    ours = back.amount if back.day == day else None
    if line.refund_number != back.number:
        if line.day == day:
            yield replace(_of_back("other_number", t, line, None, None, line.amount), explained=_as(back.number))
        if ours is not None:
            yield replace(_of_back("other_number", t, None, back, ours, None), explained=_as(line.refund_number))
    elif line.day != day:
        if ours is not None:
            yield replace(_of_back("other_day", t, line, back, ours, None), explained=_on(line.day))
    elif line.amount != back.amount:
        yield _of_back("amount_mismatch", t, line, back, ours, line.amount)
    elif back.state == "failed" and line.arrived:
        yield _of_back("refund_extra", t, line, back, ours, line.amount)
    elif ours is None:
        yield replace(_of_back("other_day", t, line, back, None, line.amount), explained=_in(back.day))


def _of_back(
    kind: Kind, t: Transaction, line: Line | None, back: Back | None, ours: int | None, theirs: int | None
) -> Finding:
    evidence = {**({"bill": _seen(line)} if line else {}), **({"books": _seen(back)} if back else {})}
    number = line.number if line else t.capture.number if t.capture else ""
    refund_number = back.number if back else line.refund_number if line else ""
    order_id = back.order_id if back else t.capture.order_id if t.capture else None
    return Finding(kind, "refund", number, refund_number, t.id, ours, theirs, order_id, evidence)


# --- words and days ----------------------------------------------------------------------------------------------------


def _near(first: datetime, last: datetime) -> Collection[date]:
    """The other days on whose bill a thing may be that happened between the two."""
    day = beijing_day(first)
    reach = range((beijing_day(last + NEAR) - day).days)
    return {beijing_day(first - NEAR), *(day + timedelta(days=n + 1) for n in reach)} - {day}


def _on(day: date) -> str:
    return f"on the bill of {day}"


def _in(day: date) -> str:
    return f"in our books on {day}"


def _as(number: str) -> str:
    return f"the other side has it as {number or 'no number'}"


def _seen(thing: Line | Capture | Back) -> dict[str, Any]:
    """One side's evidence."""
    if isinstance(thing, Line):
        shown = {"number": thing.number, "refund_number": thing.refund_number, "status": thing.status, "day": thing.day}
        return {**shown, "amount": thing.amount, "at": thing.at}
    if isinstance(thing, Capture):
        return {"number": thing.number, "amount": thing.amount, "at": thing.at, "order_id": thing.order_id}
    shown = {"refund_id": thing.id, "refund_number": thing.number, "state": thing.state, "order_id": thing.order_id}
    return {**shown, "amount": thing.amount, "at": thing.asked_at}
