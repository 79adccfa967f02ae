"""The invariants of money as queries (the twelve of the protocol specification, section 5). Each yields what breaks it.

orders     by order: entries, captures and refunds, states, amounts
standing   what waits for too long, and the database's own guards
bills      days that are closed
changes    where to look next

The eleventh, that the same facts in any order and number end alike, is no state of tables that could be looked at: commands come in
between, and no table has their order. It is a property test (tests/test_payment_properties.py). What facts alone decide, the end of each
attempt and refund, is looked at as the fourth and sixth.
"""

from collections.abc import Callable, Iterator, Mapping

import sqlalchemy as sa

from payment_svc.store.watch.bills import bills_and_books_agree
from payment_svc.store.watch.orders import (
    entries_balance,
    no_more_goes_back_than_came,
    one_payment_counts,
    states_only_advance,
    success_is_a_fact,
)
from payment_svc.store.watch.scope import Offender, Scope
from payment_svc.store.watch.standing import (
    amounts_are_whole_fen,
    callbacks_take_effect,
    entries_are_sealed,
    nothing_waits_without_a_job,
    numbers_are_unique,
    paid_is_confirmed,
)

__all__ = ["CALLBACKS", "INVARIANTS", "OF_BILLS", "OF_ORDERS", "STANDING", "Check", "Offender", "Scope", "everything"]

Check = Callable[[sa.Connection, Scope], Iterator[Offender]]

CALLBACKS = "callbacks_are_kept"
OF_ORDERS: Mapping[str, Check] = {
    "entries_balance": entries_balance,
    "one_payment_counts": one_payment_counts,
    "no_more_goes_back_than_came": no_more_goes_back_than_came,
    "success_is_a_fact": success_is_a_fact,
    "states_only_advance": states_only_advance,
    "amounts_are_whole_fen": amounts_are_whole_fen,
}
"""Looked at order by order."""
OF_BILLS: Mapping[str, Check] = {"bills_and_books_agree": bills_and_books_agree}
STANDING: Mapping[str, Check] = {
    "entries_are_sealed": entries_are_sealed,
    "numbers_are_unique": numbers_are_unique,
    "paid_is_confirmed": paid_is_confirmed,
    "nothing_waits_without_a_job": nothing_waits_without_a_job,
    CALLBACKS: callbacks_take_effect,
}
"""Looked at as a whole, each time."""
INVARIANTS = (*OF_ORDERS, *OF_BILLS, *STANDING)


def everything(conn: sa.Connection, scope: Scope) -> dict[str, list[Offender]]:
    """All offenders by invariant, of all that there is. Reads everything: for the audit, not for every minute.

    An invariant that cannot be looked at, because a row cannot be read, is named as broken itself.
    """
    found: dict[str, list[Offender]] = {}
    for name, check in {**OF_ORDERS, **OF_BILLS, **STANDING}.items():
        try:
            found[name] = list(check(conn, scope))
        except (ValueError, TypeError, LookupError, ArithmeticError) as error:
            found[name] = [Offender(name, f"cannot be read: {error!r}"[:300])]
    return found
