"""The invariants of orders' money: each looks at some orders, by their ids, or at all of them."""

from collections.abc import Iterator
from typing import Any

import sqlalchemy as sa

from payment_svc.domain import CURRENCY, payable_account
from payment_svc.store.tables import attempts, facts, intents, ledger_entries, ledger_lines, moves, refunds, tenders
from payment_svc.store.watch.scope import MOST, Offender, Scope

_capture = facts.c.transaction_id.is_not(None)
_first = tenders.alias("first")
_issued = refunds.alias("issued")


def _found(conn: sa.Connection, query: sa.Select[Any], what: str) -> Iterator[Offender]:
    """An offender of each row: its id, its order's."""
    for about, order_id in conn.execute(query.limit(MOST)):
        yield Offender(about, what, order_id or "")


def entries_balance(conn: sa.Connection, scope: Scope) -> Iterator[Offender]:
    """1: every journal entry sums to zero. All of it is CNY: money of another currency is never counted as paid."""
    unbalanced = (
        sa.select(ledger_entries.c.id, ledger_entries.c.order_id)
        .outerjoin(ledger_lines, ledger_lines.c.entry_id == ledger_entries.c.id)
        .where(scope.of(ledger_entries.c.order_id))
        .group_by(ledger_entries.c.id, ledger_entries.c.order_id)
        .having(sa.func.coalesce(sa.func.sum(ledger_lines.c.amount), 1) != 0)
    )
    yield from _found(conn, unbalanced, "its lines do not sum to zero")


def one_payment_counts(conn: sa.Connection, scope: Scope) -> Iterator[Offender]:
    """2: what paid an order is one attempt that succeeded; every other success of its attempts goes back, unless the order is paid by
    parts (insurance and patient): then they come to what it owes, and no more.
    """
    paying = (
        sa.select(intents.c.order_id, intents.c.order_id)
        .outerjoin(attempts, attempts.c.id == intents.c.payment_id)
        .outerjoin(facts, sa.and_(facts.c.id == intents.c.capture_id, _capture))
        .where(scope.of(intents.c.order_id), intents.c.state.in_(["paid", "moved"]))
        .where(sa.or_(attempts.c.id.is_(None), attempts.c.state != "succeeded", facts.c.id.is_(None)))
    )
    yield from _found(conn, paying, "is paid, but no success is what paid it")
    kept = (
        sa.select(sa.func.sum(tenders.c.amount - tenders.c.returned))
        .where(tenders.c.order_id == facts.c.order_id)
        .scalar_subquery()
    )
    too_much = sa.or_(intents.c.state.not_in(["paid", "moved"]), kept > intents.c.amount)
    beside = sa.and_(sa.func.coalesce(intents.c.capture_id, "") != facts.c.id, too_much)
    other = (
        sa.select(facts.c.id, facts.c.order_id)
        .join(intents, intents.c.order_id == facts.c.order_id)
        .outerjoin(_first, sa.and_(_first.c.capture_id == facts.c.id, _first.c.moved_from.is_(None)))
        .where(scope.of(facts.c.order_id), _capture)
        .where(
            sa.or_(
                _first.c.id.is_(None),
                sa.and_(beside, _first.c.returned != _first.c.amount),
            )
        )
    )
    yield from _found(conn, other, "came and pays for nothing, and does not go back")
    going = (
        sa.select(tenders.c.id, tenders.c.order_id)
        .outerjoin(_issued, sa.and_(_issued.c.tender_id == tenders.c.id, _issued.c.retry_of.is_(None)))
        .where(scope.of(tenders.c.order_id), tenders.c.returned > 0)
        .where(sa.or_(_issued.c.id.is_(None), _issued.c.amount != tenders.c.returned))
    )
    yield from _found(conn, going, "is given back, but by no refund")


def no_more_goes_back_than_came(conn: sa.Connection, scope: Scope) -> Iterator[Offender]:
    """3: of each attempt, what went back and what is on its way there is at most what it brought."""
    these = sa.select(refunds.c.payment_id).where(scope.of(refunds.c.order_id))
    out = (
        sa.select(refunds.c.payment_id, sa.func.sum(refunds.c.amount).label("fen"))
        .where(refunds.c.state != "failed", refunds.c.payment_id.in_(these))
        .group_by(refunds.c.payment_id)
        .subquery()
    )
    came = (
        sa.select(sa.func.coalesce(sa.func.sum(facts.c.amount), 0))
        .where(facts.c.order_id == attempts.c.order_id, facts.c.number == attempts.c.number, _capture)
        .scalar_subquery()
    )
    query = (
        sa.select(attempts.c.id, attempts.c.order_id)
        .join(out, out.c.payment_id == attempts.c.id)
        .where(out.c.fen > came)
    )
    yield from _found(conn, query, "more goes back of it than came")


def success_is_a_fact(conn: sa.Connection, scope: Scope) -> Iterator[Offender]:
    """4: an attempt succeeded if, and only if, a fact says that what was asked for came.

    That a fact names our merchant is the adapter's to see, before it is one: tables keep no other's.
    """
    said = sa.exists().where(
        facts.c.order_id == attempts.c.order_id,
        facts.c.provider == attempts.c.method,
        facts.c.number == attempts.c.number,
        _capture,
        facts.c.amount == attempts.c.amount,
        facts.c.currency == CURRENCY,
    )
    unsaid = sa.select(attempts.c.id, attempts.c.order_id).where(
        scope.of(attempts.c.order_id), attempts.c.state == "succeeded", ~said
    )
    yield from _found(conn, unsaid, "succeeded, but no fact says so")
    unheard = sa.select(attempts.c.id, attempts.c.order_id).where(
        scope.of(attempts.c.order_id), attempts.c.state != "succeeded", said
    )
    yield from _found(conn, unheard, "was paid, and has not succeeded")


def states_only_advance(conn: sa.Connection, scope: Scope) -> Iterator[Offender]:
    """6: nothing that has ended comes to life again, and only a success takes the place of another end.

    States have no history of their own, but what ended them has: facts, moves and entries, which nobody can take away.
    """
    ended = (
        sa.select(attempts.c.id, attempts.c.order_id)
        .join(
            facts,
            sa.and_(
                facts.c.order_id == attempts.c.order_id,
                facts.c.provider == attempts.c.method,
                facts.c.number == attempts.c.number,
                facts.c.kind == "payment",
            ),
        )
        .where(scope.of(attempts.c.order_id))
        .where(
            sa.or_(
                sa.and_(facts.c.outcome == "closed", attempts.c.state.not_in(["closed", "failed", "succeeded"])),
                sa.and_(facts.c.outcome == "failed", attempts.c.state.not_in(["failed", "succeeded"])),
            )
        )
        .distinct()
    )
    yield from _found(conn, ended, "had ended, and is under way again")
    yield from _found(conn, _refunds_that_came_back(scope), "is not how its provider says that it ended")
    yield from _found(conn, _not_moved(scope), "its money has moved, and it is not moved")
    yield from _found(conn, _not_paid(scope), "was paid, and is not paid any more")


def _not_moved(scope: Scope) -> sa.Select[Any]:
    return (
        sa.select(moves.c.from_order_id, moves.c.from_order_id)
        .join(intents, intents.c.order_id == moves.c.from_order_id)
        .where(scope.of(moves.c.from_order_id), intents.c.state != "moved")
    )


def _not_paid(scope: Scope) -> sa.Select[Any]:
    return (
        sa.select(intents.c.order_id, intents.c.order_id)
        .join(ledger_entries, ledger_entries.c.order_id == intents.c.order_id)
        .join(ledger_lines, ledger_lines.c.entry_id == ledger_entries.c.id)
        .where(scope.of(intents.c.order_id), ledger_entries.c.kind == "capture")
        .where(ledger_lines.c.account == payable_account("order"), intents.c.state.not_in(["paid", "moved"]))
    )


def _refunds_that_came_back(scope: Scope) -> sa.Select[Any]:
    said = sa.and_(facts.c.provider == refunds.c.provider, facts.c.number == refunds.c.number, facts.c.kind == "refund")
    return (
        sa.select(refunds.c.id, refunds.c.order_id)
        .join(facts, said)
        .where(scope.of(refunds.c.order_id))
        .where(
            sa.or_(
                sa.and_(
                    facts.c.outcome == "succeeded",
                    facts.c.amount == refunds.c.amount,
                    refunds.c.state != "succeeded",
                ),
                sa.and_(facts.c.outcome == "failed", refunds.c.state.not_in(["failed", "succeeded"])),
            )
        )
        .distinct()
    )
