"""The chance that is told, now and when an order enters or begins to wait; and how good what was told has been.

What is told twice in a second is reckoned once: a session's situation and a hospital's past are remembered for a moment in
each process.
"""

from collections import Counter
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from threading import Lock
from typing import Any, Generic, TypeVar

from common.errors import Conflict, NotFound
from common.outbox import Database, Tx

from schedule_svc import chance, rules
from schedule_svc.domain import Reservation, Session
from schedule_svc.draw import Entrant
from schedule_svc.store import draws as draws_store
from schedule_svc.store import forecasts as store
from schedule_svc.store import rules as rules_store
from schedule_svc.store.forecasts import History, Mine, Situation

T = TypeVar("T")


@dataclass
class Remembered(Generic[T]):
    """Values that may be a little old. Keys are ids, which no two databases share."""

    life: timedelta
    most: int = 10_000
    _kept: dict[Hashable, tuple[datetime, T]] = field(default_factory=dict)
    _lock: Lock = field(default_factory=Lock)

    def get(self, key: Hashable, now: datetime, make: Callable[[], T]) -> T:
        """The value, made anew if there is none of the last `life`."""
        with self._lock:
            kept = self._kept.get(key)
        if kept is not None and timedelta(0) <= now - kept[0] < self.life:
            return kept[1]
        value = make()
        with self._lock:
            if len(self._kept) >= self.most:
                self._kept.clear()
            self._kept[key] = (now, value)
        return value


_situations: Remembered[tuple[Situation, Mapping[int, int]] | None] = Remembered(timedelta(seconds=1))
_histories: Remembered[History] = Remembered(timedelta(minutes=10))


@dataclass(frozen=True, slots=True)
class Told:
    """A chance as it is told. `probability` is None where it cannot be known; `assumes` names what it rests on."""

    kind: str
    probability: float | None
    method: str
    error: float | None = None
    numbers: int | None = None
    entrants: int | None = None
    weight: int | None = None
    position: int | None = None
    assumes: tuple[str, ...] = ()
    forecasts: int = 0
    brier: float | None = None


@dataclass(frozen=True, slots=True)
class Asked:
    """Of whom it is asked: one with this weight, or at this place in the line, or this order; with so many of a family."""

    weight: int | None = None
    position: int | None = None
    order_id: str | None = None
    together: int = 1


def tell(database: Database, session_id: str, asked: Asked) -> Told:
    """The chance of a number now. Raises NotFound, or Conflict for a question that this session has no answer to."""
    now = database.clock()
    with database.reading() as conn:
        found = _situations.get(session_id, now, lambda: _situation(conn, session_id, now))
        if found is None:
            raise NotFound("there is no such session", code="session_not_found")
        now_is, weights = found
        mine = None
        if asked.order_id is not None:
            mine = store.mine(conn, session_id, asked.order_id, now)
            if mine is None:
                raise NotFound("the order has not been decided on", code="order_not_found")
        told = _told(conn, now_is, weights, asked, mine, now)
        n, squares = store.scores_of(conn, now_is.hospital_id, told["kind"])
    return Told(**told, forecasts=n, brier=squares / n if n else None)


def _situation(conn: Any, session_id: str, now: datetime) -> tuple[Situation, Mapping[int, int]] | None:
    found = store.situation(conn, session_id, now)
    if found is None:
        return None
    weights = draws_store.weights(conn, session_id) if found.draw_state == "open" else {}
    return found, weights


def _told(
    conn: Any, now_is: Situation, weights: Mapping[int, int], asked: Asked, mine: Mine | None, now: datetime
) -> dict[str, Any]:
    drawing = now_is.draw_state in ("open", "drawing")
    kind = now_is.policy if drawing else "waitlist" if not now_is.free else "first_come"
    if mine is not None and mine.state in ("held", "sold"):
        return {"kind": kind, "probability": 1.0, "method": "decided"}
    if now_is.stopped or now >= now_is.ends_at or (mine is not None and mine.state in ("released", "rejected")):
        return {"kind": kind, "probability": 0.0, "method": "decided"}
    if now_is.draw_state == "drawing":
        return {"kind": kind, "probability": None, "method": "unknown", "assumes": ("being_drawn",)}
    if mine is not None and mine.state == "waiting":
        return _waiting(conn, now_is, mine.ahead + 1, mine, now)
    if now < now_is.release_at:
        assumes = "not_open" if drawing else "not_released"
        return {"kind": kind, "probability": None, "method": "unknown", "assumes": (assumes,)}
    if now_is.draw_state == "open":
        return _entering(conn, now_is, weights, asked, mine, now)
    if now_is.free:
        return {
            "kind": "first_come",
            "probability": 1.0,
            "method": "exact",
            "numbers": now_is.free,
            "assumes": ("at_once",),
        }
    position = asked.position if asked.position is not None else now_is.waiting + 1
    return _waiting(conn, now_is, position, now_is, now)


def _entering(
    conn: Any, now_is: Situation, weights: Mapping[int, int], asked: Asked, mine: Mine | None, now: datetime
) -> dict[str, Any]:
    """Before the draw: as if it took place now, among those who have entered and her."""
    others = dict(weights)
    weight = mine.weight if mine is not None else asked.weight
    if mine is not None and weight is not None and others.get(weight):
        others[weight] -= 1
    crowd = sum(others.values())
    told = {"kind": now_is.policy, "numbers": now_is.free, "entrants": crowd + 1, "assumes": ("drawn_now",)}
    if now_is.policy == "lottery":
        entrants = crowd + asked.together
        found = chance.lottery(now_is.free, entrants, asked.together)
        told["entrants"] = entrants
    elif asked.together > 1:
        raise Conflict("only a lottery knows the chance of several together", code="not_a_lottery")
    else:
        if weight is None:
            weight = _usual_weight(conn, now_is.hospital_id, now)
            told["assumes"] = ("drawn_now", "usual_weight")
        found = chance.weighted(now_is.free, others, weight)
        told["weight"] = weight
    return told | {"probability": found.probability, "method": found.method, "error": found.error}


def _usual_weight(conn: Any, hospital_id: str, now: datetime) -> int:
    """Of one who comes for the first time and has never missed a visit."""
    weights = rules_store.rules_in_force(conn, [hospital_id], now)[hospital_id].weights
    return weights.base + weights.clean_credit


def _waiting(conn: Any, now_is: Situation, position: int, there: Situation | Mine, now: datetime) -> dict[str, Any]:
    closes, past = _outlook(conn, now_is.hospital_id, now_is.starts_at, now)
    found = chance.waitlist(position - there.resting, there.taken, past, closes - now)
    known = "hospital_past" if past.numbers >= chance.PRIOR_NUMBERS else "little_known"
    return {
        "kind": "waitlist",
        "probability": found.probability,
        "method": found.method,
        "position": position,
        "assumes": ("freed_go_to_the_line", known),
    }


def _outlook(conn: Any, hospital_id: str, starts_at: datetime, now: datetime) -> tuple[datetime, chance.Releases]:
    """When the waitlist closes, and how many numbers of the past were given back in as long before that."""
    own = rules_store.rules_in_force(conn, [hospital_id], now)[hospital_id]
    closes = min(starts_at, rules.waitlist_closes(own, starts_at))
    history = _histories.get(hospital_id, now, lambda: store.history(conn, hospital_id, now))
    return closes, history.releases(starts_at - closes, max(closes - now, timedelta(0)))


# --- keeping what was told -------------------------------------------------------------------------------------------


def keep_draw(tx: Tx, session: Session, numbers: int, entrants: Sequence[Entrant], ranking: Sequence[int]) -> None:
    """At a draw: what chance each entrant had when the list was closed, and whether she won."""
    crowd = Counter(entrant.weight for entrant in entrants)
    won = Counter(entrant.weight for entrant in _winners(entrants, ranking[:numbers]))
    told: dict[int, float] = {}
    squares = 0.0
    for weight, count in crowd.items():
        if session.policy == "lottery":
            p = chance.lottery(numbers, len(entrants)).probability
        else:
            p = chance.weighted(numbers, {**crowd, weight: count - 1}, weight).probability
        told[weight] = p
        squares += won[weight] * (1 - p) ** 2 + (count - won[weight]) * p**2
    store.keep_draw(tx.conn, session, told, numbers, tx.now)
    store.add_scores(tx.conn, session.hospital_id, session.policy, len(entrants), squares)


def _winners(entrants: Sequence[Entrant], seqs: Sequence[int]) -> list[Entrant]:
    by_seq = {entrant.seq: entrant for entrant in entrants}
    return [by_seq[seq] for seq in seqs]


def keep_waiting(tx: Tx, session: Session, joined: Sequence[Reservation]) -> None:
    """Orders have joined the waitlist: keep the chance that they have as of now."""
    lines: dict[str | None, list[Reservation]] = {}
    for reservation in joined:
        if reservation.state == "waiting":
            lines.setdefault(reservation.wanted, []).append(reservation)
    if not lines:
        return
    closes, past = _outlook(tx.conn, session.hospital_id, session.starts_at, tx.now)
    told: dict[str, float] = {}
    for wanted, line in lines.items():
        taken = sum(s.taken for s in session.segments if wanted in (None, s.id) and tx.now < s.ends_at)
        resting = sum(s.resting for s in session.segments if wanted in (None, s.id) and tx.now < s.ends_at)
        before = {r.order_id: (r.position or 1) - 1 - resting for r in line}
        chances = chance.waitlist_line(max(1, *before.values()) + 1, taken, past, closes - tx.now)
        told |= {order_id: float(chances[n]) if n >= 0 else 1.0 for order_id, n in before.items()}
    store.keep_waiting(tx.conn, session, told, tx.now)


def settle_waiting(tx: Tx, session: Session) -> None:
    """The waitlist has closed, and all who waited have their answer, stored: how good were the forecasts?"""
    if session.stopped:
        return  # nobody forecast that
    settled = store.settle_waiting(tx.conn, session.id)
    squares = sum((probability - outcome) ** 2 for probability, outcome in settled)
    store.add_scores(tx.conn, session.hospital_id, "waitlist", len(settled), squares)
