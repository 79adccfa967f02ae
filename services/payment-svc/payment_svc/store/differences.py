"""Differences between bills and books."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

import sqlalchemy as sa
from common import ids
from common.jsons import decode, encode
from common.outbox import Tx

from payment_svc.matching import Finding
from payment_svc.store.bills import Sum, billed, booked, counts
from payment_svc.store.tables import differences

UNANSWERED = timedelta(days=1)
"""After which staff hear of a difference that its provider says nothing about."""
_d = differences.c


@dataclass(frozen=True, slots=True)
class Difference:
    """A finding that was kept, and what became of it. In fen."""

    id: str
    provider: str
    day: date
    kind: str
    part: str
    number: str
    refund_number: str
    transaction_id: str
    ours: int | None
    theirs: int | None
    order_id: str | None
    evidence: Mapping[str, Any]
    state: str
    note: str
    closed_by: str
    asked: bool
    created_at: datetime
    updated_at: datetime


def _difference(row: Any) -> Difference:
    values = {name: getattr(row, name) for name in Difference.__slots__}
    return Difference(**{**values, "evidence": decode(row.evidence.encode())})


def _of_day(provider: str, day: date) -> sa.ColumnElement[bool]:
    return sa.and_(_d.provider == provider, _d.day == day)


def _key(row: Any) -> tuple[Any, ...]:
    return (row.transaction_id, row.part, row.kind, row.number, row.refund_number, row.ordinal)


def keep(
    tx: Tx, provider: str, day: date, round_: int, transactions: Collection[str], found: Sequence[Finding]
) -> None:
    """What a comparison found about some transactions. What was found before stays as it is, and what became of it, too.

    One that is not decided is not news, but if it was a difference before, it is one still.
    """
    known = {
        _key(row): row
        for row in tx.conn.execute(
            sa.select(differences).where(_of_day(provider, day), _d.transaction_id.in_(list(transactions)))
        )
    }
    new, same = [], []
    for finding in found:
        row = known.get(finding.key)
        if row is None:
            new += [_values(tx, provider, day, round_, finding)] if finding.decided else []
        elif row.state == "settled" and not finding.decided:
            continue
        elif row.state == "settled" or (row.ours, row.theirs) != (finding.ours, finding.theirs):
            values = _values(tx, provider, day, round_, finding)
            keys = ("id", "created_at")
            update = sa.update(differences).where(_d.id == row.id)
            tx.conn.execute(update.values({name: value for name, value in values.items() if name not in keys}))
        else:
            same.append(row.id)
    if new:
        tx.conn.execute(sa.insert(differences), new)
    if same:
        tx.conn.execute(sa.update(differences).where(_d.id.in_(same)).values(round=round_))


def _values(tx: Tx, provider: str, day: date, round_: int, finding: Finding) -> dict[str, Any]:
    return {
        "id": ids.mint("dif", finding.transaction_id),
        "provider": provider,
        "day": day,
        "kind": finding.kind,
        "part": finding.part,
        "number": finding.number,
        "refund_number": finding.refund_number,
        "transaction_id": finding.transaction_id,
        "ordinal": finding.ordinal,
        "ours": finding.ours,
        "theirs": finding.theirs,
        "order_id": finding.order_id,
        "evidence": encode(finding.evidence).decode(),
        "state": "explained" if finding.explained else "open",
        "note": finding.explained,
        "closed_by": "",
        "asked": False,
        "told": False,
        "round": round_,
        "created_at": tx.now,
        "updated_at": tx.now,
    }


_HOW = sa.case(
    (_d.note != "", _d.note),
    (sa.and_(_d.asked, _d.kind == "local_not_paid"), "booked as the provider answered"),
    (_d.asked, "the provider was asked"),
    else_="the books have it now",
)


def settle_rest(tx: Tx, provider: str, day: date, round_: int) -> None:
    """What the last comparison did not find any more is over."""
    gone = sa.and_(_of_day(provider, day), _d.state != "settled", _d.round < round_)
    tx.conn.execute(sa.update(differences).where(gone).values(state="settled", note=_HOW, updated_at=tx.now))


def to_ask(
    conn: sa.Connection, provider: str, day: date, kinds: Collection[str], *, after: str, limit: int
) -> list[Difference]:
    """Open differences that nobody has asked the provider about, in the order of their ids."""
    query = sa.select(differences).where(_of_day(provider, day), _d.state == "open", ~_d.asked, _d.kind.in_(kinds))
    return [_difference(row) for row in conn.execute(query.where(_d.id > after).order_by(_d.id).limit(limit))]


def asked(tx: Tx, difference: Difference, answer: str) -> None:
    """Keep what came of asking."""
    evidence = encode({**difference.evidence, "asked": {"answer": answer, "at": tx.now}}).decode()
    this = sa.update(differences).where(_d.id == difference.id, _d.state == "open")
    tx.conn.execute(this.values(asked=True, evidence=evidence, updated_at=tx.now))


def tell(tx: Tx, provider: str, day: date, asked_first: Collection[str]) -> dict[str, int]:
    """How many of which kind are for staff and were not told yet. Of the kinds `asked_first`, those that asking did not settle, and
    those about which nobody has answered for a day.
    """
    theirs = sa.or_(_d.asked, _d.kind.not_in(asked_first), _d.updated_at <= tx.now - UNANSWERED)
    news = sa.and_(_of_day(provider, day), _d.state == "open", ~_d.told, theirs)
    kinds = list(tx.conn.execute(sa.update(differences).where(news).values(told=True).returning(_d.kind)).scalars())
    return {kind: kinds.count(kind) for kind in sorted(set(kinds))}


def standing(conn: sa.Connection, provider: str, day: date) -> dict[str, Sum]:
    """By how much the bill is above the books, by what stands of the differences."""
    count = sa.func.count(_d.theirs) - sa.func.count(_d.ours)
    fen = sa.func.coalesce(sa.func.sum(_d.theirs), 0) - sa.func.coalesce(sa.func.sum(_d.ours), 0)
    query = sa.select(_d.part, count, sa.cast(fen, sa.BigInteger)).where(_of_day(provider, day), _d.state != "settled")
    found = {part: Sum(count, fen) for part, count, fen in conn.execute(query.group_by(_d.part))}
    return {part: found.get(part, Sum()) for part in ("payment", "refund")}


def unexplained(conn: sa.Connection, provider: str, day: date) -> dict[str, Sum]:
    """By what else the day's bill is above the day's books than what stands of the differences: nothing, once they are compared.

    For a closed day that is invariant 9, by count and by sum: bill = books + what is explained.
    """
    bill, books = billed(conn, provider, day), booked(conn, provider, day)
    stands = standing(conn, provider, day)
    return {
        part: Sum(bill[part].count - books[part].count - known.count, bill[part].fen - books[part].fen - known.fen)
        for part, known in stands.items()
    }


def open_counts(conn: sa.Connection, days: Collection[tuple[str, date]]) -> dict[tuple[str, date], int]:
    """How many differences are open, by provider and day."""
    query = sa.select(_d.provider, _d.day, sa.func.count()).where(_d.state == "open").group_by(_d.provider, _d.day)
    query = query.where(_d.day.in_({day for _, day in days}))
    return {(provider, day): count for provider, day, count in conn.execute(query)}


def figures(conn: sa.Connection) -> dict[str, Any]:
    """`days`: how many are in which state, by provider; `open_differences`, by provider."""
    days: dict[str, dict[str, int]] = {}
    for (provider, state), count in counts(conn).items():
        days.setdefault(provider, {})[state] = count
    query = sa.select(_d.provider, sa.func.count()).where(_d.state == "open").group_by(_d.provider)
    return {"days": days, "open_differences": dict(conn.execute(query).all())}


def difference(conn: sa.Connection, provider: str, day: date, difference_id: str) -> Difference | None:
    row = conn.execute(sa.select(differences).where(_of_day(provider, day), _d.id == difference_id)).one_or_none()
    return _difference(row) if row else None


def explain(tx: Tx, difference_id: str, note: str, by: str) -> None:
    values = {"state": "explained", "note": note, "closed_by": by, "updated_at": tx.now}
    tx.conn.execute(sa.update(differences).where(_d.id == difference_id).values(values))


def list_differences(
    conn: sa.Connection,
    provider: str,
    day: date,
    *,
    state: str | None,
    after: tuple[datetime, str] | None,
    limit: int,
) -> list[Difference]:
    """A day's differences, oldest first, `limit` + 1 of them at most."""
    query = sa.select(differences).where(_of_day(provider, day)).order_by(_d.created_at, _d.id).limit(limit + 1)
    if state is not None:
        query = query.where(_d.state == state)
    if after is not None:
        query = query.where(sa.or_(_d.created_at > after[0], sa.and_(_d.created_at == after[0], _d.id > after[1])))
    return [_difference(row) for row in conn.execute(query)]
