"""Free text over hospitals, departments and doctors: few enough rows for a scan of each, which the gateway keeps for a second."""

import unicodedata
from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from schedule_svc.store.browse import every_department, every_doctor, known_hospitals
from schedule_svc.store.tables import departments, doctors, hospitals

Words = Sequence[frozenset[str]]
"""Each in the forms in which it may stand in a name: full-width letters are kept as they came, and sought as plain ones too."""

_Columns = Sequence[sa.ColumnElement[str]]


def words_of(text: str) -> Words:
    return [frozenset({word, unicodedata.normalize("NFKC", word)}) for word in text.split()]


def hospitals_with(conn: sa.Connection, words: Words, limit: int) -> Sequence[sa.Row[Any]]:
    """The best of them first, as everywhere here."""
    h = hospitals.c
    return conn.execute(_sought(known_hospitals, words, (h.name, h.code), ()).order_by(h.code).limit(limit)).all()


def departments_with(conn: sa.Connection, words: Words, limit: int) -> Sequence[sa.Row[Any]]:
    d, h = departments.c, hospitals.c
    query = _sought(every_department, words, (d.name, d.code), (h.name,))
    return conn.execute(query.order_by(h.code, d.code).limit(limit)).all()


def doctors_with(conn: sa.Connection, words: Words, limit: int) -> Sequence[sa.Row[Any]]:
    p, d, h = doctors.c, departments.c, hospitals.c
    query = _sought(every_doctor, words, (p.name, p.code, p.title, p.specialty), (d.name, h.name))
    return conn.execute(query.order_by(h.code, d.code, p.code).limit(limit)).all()


def _sought(query: sa.Select[Any], words: Words, own: _Columns, others: _Columns) -> sa.Select[Any]:
    """Every word stands somewhere, and one at least in the thing's `own` columns, of which the first is its name."""
    everywhere = [sa.or_(*(_holds(column, word) for column in (*own, *others))) for word in words]
    somewhere = sa.or_(*(_holds(column, word) for column in own for word in words))
    return query.where(*everywhere, somewhere).order_by(_rank(own[0], words))


def _holds(column: sa.ColumnElement[str], word: frozenset[str]) -> sa.ColumnElement[bool]:
    return sa.or_(*(column.icontains(form, autoescape=True) for form in word))


def _rank(name: sa.ColumnElement[str], words: Words) -> sa.ColumnElement[int]:
    """A whole name before its beginning, and that before the rest. A name of several words is what was sought as a whole."""
    forms = [form for word in words for form in word]
    whole = {*forms, *(" ".join(map(side, words)) for side in (min, max))}
    return sa.case(
        (sa.func.lower(name).in_([sa.func.lower(each) for each in sorted(whole)]), 0),
        (sa.or_(*(name.istartswith(form, autoescape=True) for form in forms)), 1),
        else_=2,
    )
