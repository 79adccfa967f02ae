"""The tables of the clinic day."""

import sqlalchemy as sa
from common.outbox import UtcDateTime
from sqlalchemy import BigInteger, Boolean, CheckConstraint, Column, Float, Index, Integer, Table, Text

from booking_svc.clinic.visits import AT_DESK, HERE, VisitState
from booking_svc.store.tables import among, metadata

_here = among(HERE)
_at_desk = among(AT_DESK)
_done = among({VisitState.DONE})
opened = among(HERE | {VisitState.EXPECTED})
_serial = BigInteger().with_variant(Integer, "sqlite")

visits = Table(
    "visits",
    metadata,
    Column("id", Text, primary_key=True),
    Column("order_id", Text, unique=True),
    Column("session_id", Text, nullable=False, index=True),
    Column("queue_id", Text, nullable=False),
    Column("hospital_id", Text, nullable=False),
    Column("department_id", Text, nullable=False),
    Column("account_id", Text),
    Column("patient_id", Text),
    Column("name", Text),
    Column("visit", Text, nullable=False),
    Column("ticket", Text, nullable=False),
    Column("visit_class", Text, nullable=False),
    Column("reason", Text),
    Column(
        "state",
        Text,
        CheckConstraint("state IN ({})".format(", ".join(f"'{s}'" for s in VisitState)), name="visit_state"),
        nullable=False,
    ),
    Column("place", Text),
    Column("room", Text),
    Column("served_by", Text),
    Column("passes", Integer, nullable=False, server_default="0"),
    Column("calls", Integer, nullable=False, server_default="0"),
    Column("late", Boolean, nullable=False, server_default=sa.false()),
    Column("told_near", Boolean, nullable=False, server_default=sa.false()),
    Column("nears", Integer, nullable=False, server_default="0"),
    Column("tries", Integer, nullable=False, server_default="0"),
    Column("starts_at", UtcDateTime, nullable=False),
    Column("checked_in_at", UtcDateTime),
    Column("called_at", UtcDateTime),
    Column("started_at", UtcDateTime),
    Column("desk_seconds", Float),
    Column("ended_at", UtcDateTime),
    Column("updated_at", UtcDateTime, nullable=False),
    Index("visits_of_queue", "queue_id", "state"),
    Index("visits_of_account", "account_id", "starts_at", "id"),
    # what a department's days were like: the planner, and what is expected of those who come
    Index("visits_of_department", "department_id", "starts_at"),
    Index("visits_here", "queue_id", postgresql_where=_here, sqlite_where=_here),
    # whose time has come, and who has not ended: their queues are to be closed
    Index("visits_open", "starts_at", postgresql_where=opened, sqlite_where=opened),
    # one desk has one visitor
    Index("visits_at_desk", "queue_id", "room", unique=True, postgresql_where=_at_desk, sqlite_where=_at_desk),
    # what service times are learnt from
    Index("visits_seen", "department_id", "ended_at", postgresql_where=_done, sqlite_where=_done),
    Index("visits_seen_by", "served_by", "ended_at", postgresql_where=_done, sqlite_where=_done),
)
"""`starts_at` is the start of the segment; `place` as JSON."""

visit_moves = Table(
    "visit_moves",
    metadata,
    Column("id", _serial, primary_key=True, autoincrement=True),
    Column("visit_id", Text, index=True),
    Column("queue_id", Text, nullable=False),
    Column("at", UtcDateTime, nullable=False),
    Column("move", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("by", Text, nullable=False),
    Column("why", Text, nullable=False, server_default=""),
    Column("facts", Text),
    Index("visit_moves_of_queue", "queue_id", "id"),
)
"""Append-only: every move with who and why; without a visit, what was done to the whole queue. `facts`: room, place, class..., JSON."""

queues = Table(
    "queues",
    metadata,
    Column("session_id", Text, primary_key=True),
    Column("hospital_id", Text, nullable=False, index=True),
    Column("department_id", Text, nullable=False),
    Column("doctor_id", Text, nullable=False),
    Column("discipline", Text),
    Column("state", Text, CheckConstraint("state IN ('open', 'closed')", name="queue_state"), nullable=False),
    Column("paused_why", Text),
    Column("paused_at", UtcDateTime),
    Column("paused_until", UtcDateTime),
    Column("next_number", Integer, nullable=False, server_default="1"),
    Column("walk_ins", Integer, nullable=False, server_default="0"),
    Column("clock", UtcDateTime, nullable=False),
    Column("revision", Integer, nullable=False, server_default="1"),
    Column("first_called_at", UtcDateTime),
    Column("closed_at", UtcDateTime),
)
"""One line per session that has one. Its row is locked by whoever moves anything in it. `clock`: the latest time it has seen, which
never goes back; `revision` grows with each change; `discipline`: in place of the hospital's rule.
"""

desks = Table(
    "desks",
    metadata,
    Column("queue_id", Text, primary_key=True),
    Column("room", Text, primary_key=True),
    Column("doctor_id", Text, nullable=False),
    Column("is_open", Boolean, nullable=False),
    Column("visit_id", Text),
    Column("after", Text),
    Column("opened_at", UtcDateTime, nullable=False),
    Column("free_since", UtcDateTime),
)
"""Who serves a queue, and where. `visit_id`: who is there now; `after`: the visit that its last call followed, so that a second
click is known as one.
"""

estimates = Table(
    "estimates",
    metadata,
    Column("id", _serial, primary_key=True, autoincrement=True),
    Column("visit_id", Text, nullable=False),
    Column("queue_id", Text, nullable=False),
    Column("department_id", Text, nullable=False),
    Column("made_at", UtcDateTime, nullable=False),
    Column("promised", Boolean, nullable=False),
    Column("ahead", Integer, nullable=False),
    Column("expected", Integer, nullable=False),
    Column("low", Integer, nullable=False),
    Column("high", Integer, nullable=False),
    Column("basis", Text, nullable=False),
    Column("called_at", UtcDateTime),
    Column("held", Boolean),
    Index("estimates_of_visit", "visit_id", "made_at"),
    Index("estimates_of_department", "department_id", "called_at"),
)
"""What was told of waiting times: seconds from `made_at`. `promised`: made when she checked in; of these the coverage is measured.
`called_at`: when she was called, or ended without; `held`: whether the call came within the interval; null once she has left before
it was over. `basis`: what it was made of, JSON.
"""

clinic_rules = Table(
    "clinic_rules",
    metadata,
    Column("hospital_id", Text, primary_key=True),
    Column("version", Integer, primary_key=True),
    Column("effective_at", UtcDateTime, nullable=False),
    Column("rules", Text, nullable=False),
)
