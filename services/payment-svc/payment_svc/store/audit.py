"""payment-svc's own figures, for the audit to compare with those of the others."""

from collections import defaultdict
from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa

from payment_svc.domain import LIVE, REST, REVENUE, TRANSFER, UNSETTLED, clearing
from payment_svc.store import differences, ledger, watch
from payment_svc.store.tables import attempts, facts, intents, ledger_entries, ledger_lines, refunds, tenders


def audit_figures(conn: sa.Connection, scope: watch.Scope | None = None) -> dict[str, Any]:
    """Everything that money is counted by, in fen:

    `intents`: by order id: state, amount, account_id, counted (what paid it, by payments and moves), captured (all that came),
    moved_in and moved_out (from and to other orders), refunded (what went back), given_back (of that, the order's own money, and what
    a move left over), refunding (on its way), refund_failed (waits for staff), surplus_failed (of that, surplus), earned, live_attempts. Kept for an order is captured + moved_in - moved_out - refunded - refunding.
    `refunds_under_way`: fen of refunds whose provider was asked and has not said how they ended, by provider: they may have gone or not.
    `ledger`: fen per account, debit above zero. `bill_fees`: of that, what providers kept for themselves, by provider. `unbalanced`: ids of entries that do not sum to zero.
    `captures_without_entry`, `unknown_captures`: ids of facts that the ledger misses, or that belong to no order.
    `ledger_disagrees`: order ids whose entries, or tenders, are not what the facts and refunds say.
    `reconciliation`: how many days of which provider are in which state, and how many differences are open.
    `watchdog`: what breaks each invariant of money within `scope`, by the invariant: its id and what is wrong with it.
    """
    parts = _parts(conn)
    by_order = _by_order(conn, parts)
    accounts = _accounts(conn)
    for order_id, figures in by_order.items():
        figures["earned"] = -accounts.get(order_id, {}).get(REVENUE, 0)
    return {
        "intents": by_order,
        "ledger": ledger.balances(conn),
        "bill_fees": _bill_fees(conn),
        "refunds_under_way": _refunds_under_way(conn),
        "unbalanced": ledger.unbalanced(conn),
        "captures_without_entry": _captures_without_entry(conn),
        "unknown_captures": list(
            conn.execute(
                sa.select(facts.c.id).where(facts.c.order_id.is_(None), facts.c.outcome == "succeeded")
            ).scalars()
        ),
        "ledger_disagrees": sorted(
            o for o, f in by_order.items() if not _agrees(f, accounts.get(o, {}), parts.get((o, "first"), 0))
        ),
        "reconciliation": differences.figures(conn),
        "watchdog": {
            name: [f"{one.about}: {one.what}" for one in offenders]
            for name, offenders in (watch.everything(conn, scope) if scope else {}).items()
        },
    }


def _by_order(conn: sa.Connection, parts: Mapping[tuple[str, str], int]) -> dict[str, dict[str, Any]]:
    """The figures of each order."""
    by_order = _intents(conn)
    captured, refunded = _sums(conn)
    for order_id, figures in by_order.items():
        figures |= {name: parts.get((order_id, name), 0) for name in ("moved_in", "moved_out")}
        figures["captured"] = captured.get(order_id, 0)
        figures["refunded"] = refunded.get((order_id, "succeeded"), 0)
        figures["refunding"] = sum(refunded.get((order_id, state), 0) for state in UNSETTLED)
        figures["refund_failed"] = refunded.get((order_id, "failed"), 0)
        figures["surplus_failed"] = refunded.get((order_id, "surplus_failed"), 0)
        figures["given_back"] = refunded.get((order_id, "given_back"), 0)
    return by_order


def _agrees(figures: dict[str, Any], account: dict[str, int], first: int) -> bool:
    """True if the books of an order, and its tenders (`first`: those of its captures), say what its figures say.

    Entries balance, so what is owed for the order, and kept, follows from these.
    """
    held = sum(fen for name, fen in account.items() if name.startswith("clearing:"))
    pairs = (
        (held, figures["captured"] - figures["refunded"]),
        (account.get(TRANSFER, 0), figures["moved_in"] - figures["moved_out"]),
        (account.get("refund_in_flight", 0), -figures["refunding"]),
        (first, figures["captured"]),
    )
    return all(ours == theirs for ours, theirs in pairs)


def _intents(conn: sa.Connection) -> dict[str, dict[str, Any]]:
    live: dict[str, int] = dict(
        conn.execute(
            sa.select(attempts.c.order_id, sa.func.count())
            .where(attempts.c.state.in_(LIVE))
            .group_by(attempts.c.order_id)
        ).all()
    )
    return {
        row.order_id: {
            "state": row.state,
            "amount": row.amount,
            "account_id": row.account_id,
            "counted": row.amount if row.state == "paid" else 0,
            "live_attempts": live.get(row.order_id, 0),
        }
        for row in conn.execute(sa.select(intents))
    }


def _sums(conn: sa.Connection) -> tuple[dict[str, int], dict[tuple[str, str], int]]:
    """Captured by order; refunds by order and state (a failed one no longer counts if it was issued again, or its money is back),
    and of these what is `surplus_failed` and `given_back`.
    """
    captured: dict[str, int] = defaultdict(int)
    for order_id, amount in conn.execute(
        sa.select(facts.c.order_id, facts.c.amount).where(facts.c.transaction_id.is_not(None))
    ):
        captured[order_id] += amount
    refunded: dict[tuple[str, str], int] = defaultdict(int)
    again = sa.select(refunds.c.retry_of).where(refunds.c.retry_of.is_not(None))
    back = sa.select(refunds.c.tender_id).where(refunds.c.state == "succeeded")
    current = sa.select(refunds).where(
        sa.or_(refunds.c.state != "failed", sa.and_(refunds.c.id.not_in(again), refunds.c.tender_id.not_in(back)))
    )
    for row in conn.execute(current):
        refunded[row.order_id, row.state] += row.amount
        if row.state == "failed" and row.purpose == "surplus":
            refunded[row.order_id, "surplus_failed"] += row.amount
        if row.state == "succeeded" and (row.purpose == "order" or row.reason == REST):
            refunded[row.order_id, "given_back"] += row.amount
    return captured, refunded


def _parts(conn: sa.Connection) -> dict[tuple[str, str], int]:
    """Fen of each order's tenders: `first` of its own captures, `moved_in` from other orders, `moved_out` to others."""
    sums: dict[tuple[str, str], int] = defaultdict(int)
    for row in conn.execute(sa.select(tenders)):
        sums[row.order_id, "moved_in" if row.moved_from else "first"] += row.amount
        sums[row.order_id, "moved_out"] += row.moved
    return sums


def _accounts(conn: sa.Connection) -> dict[str, dict[str, int]]:
    """The balances of each order's entries, debit above zero."""
    balances: dict[str, dict[str, int]] = defaultdict(dict)
    query = (
        sa.select(
            ledger_entries.c.order_id,
            ledger_lines.c.account,
            sa.cast(sa.func.sum(ledger_lines.c.amount), sa.BigInteger),
        )
        .join(ledger_lines, ledger_lines.c.entry_id == ledger_entries.c.id)
        .group_by(ledger_entries.c.order_id, ledger_lines.c.account)
    )
    for order_id, account, fen in conn.execute(query):
        balances[order_id][account] = fen
    return balances


def _bill_fees(conn: sa.Connection) -> dict[str, int]:
    """Fen that each provider's bills say it kept: what its clearing account is short of by them."""
    query = (
        sa.select(ledger_lines.c.account, sa.cast(-sa.func.sum(ledger_lines.c.amount), sa.BigInteger))
        .join(ledger_entries, ledger_entries.c.id == ledger_lines.c.entry_id)
        .where(ledger_entries.c.kind == "bill_fee", ledger_lines.c.account.startswith(clearing("")))
        .group_by(ledger_lines.c.account)
    )
    return {account.removeprefix(clearing("")): fen for account, fen in conn.execute(query)}


def _refunds_under_way(conn: sa.Connection) -> dict[str, int]:
    query = sa.select(refunds.c.provider, sa.cast(sa.func.sum(refunds.c.amount), sa.BigInteger))
    return dict(
        conn.execute(query.where(refunds.c.state.in_(UNSETTLED - {"reserved"})).group_by(refunds.c.provider)).all()
    )


def _captures_without_entry(conn: sa.Connection) -> list[str]:
    entry = sa.select(sa.literal(1)).where(ledger_entries.c.id == sa.literal("capture:") + facts.c.id)
    return list(
        conn.execute(sa.select(facts.c.id).where(facts.c.transaction_id.is_not(None), ~entry.exists())).scalars()
    )
