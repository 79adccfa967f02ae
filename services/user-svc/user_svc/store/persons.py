"""One document is one person, in whosever list: which person belongs to which blind index."""

from collections.abc import Sequence

import sqlalchemy as sa
from common.ids import person_of
from common.outbox import Tx

from user_svc.store.parts import insert
from user_svc.store.tables import patients, persons


def person(tx: Tx, indexes: Sequence[str], otherwise: str) -> str:
    """Whose document this is, by any of its indexes; `otherwise`, kept from now on, if nobody has shown it before.

    Kept under all of them: a process that knows another set of keys than this one finds it too. Whoever comes at the same moment
    waits for the first. The same statements are asked whether she was known or not.
    """
    first = sa.select(patients.c.id).where(patients.c.id_index.in_(indexes))
    known = tx.conn.execute(first.order_by(patients.c.created_at, patients.c.id).limit(1)).scalar()
    wanted = otherwise if known is None else person_of(known)  # the release before this one writes no person
    rows = [{"id_index": index, "person": wanted, "created_at": tx.now} for index in sorted(set(indexes))]
    tx.conn.execute(insert(tx, persons).values(rows).on_conflict_do_nothing(index_elements=["id_index"]))
    kept = sa.select(persons.c.person).where(persons.c.id_index.in_(indexes))
    others = tx.conn.execute(kept.where(persons.c.person != wanted).order_by(persons.c.created_at, persons.c.person))
    found = next(iter(others.scalars()), wanted)
    mine = sa.and_(persons.c.id_index.in_(indexes), persons.c.person == wanted)
    tx.conn.execute(sa.update(persons).where(mine).values(person=found))
    return str(found)
