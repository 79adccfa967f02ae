"""What hospitals have said: the log of intake, what waits for what it refers to, and snapshots."""

from common.outbox import UtcDateTime
from sqlalchemy import BigInteger, Boolean, CheckConstraint, Column, Date, ForeignKey, Index, Integer, Table, Text

from schedule_svc.store.tables.base import metadata

rosters = Table(
    "rosters",
    metadata,
    Column("id", Text, primary_key=True),
    Column("hospital_id", Text, ForeignKey("hospitals.id"), nullable=False),
    Column("account_id", Text, nullable=False),
    Column("input", Text, nullable=False),
    Column("type", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("received_at", UtcDateTime, nullable=False),
    Column("applied", Integer, nullable=False),
    Column("unchanged", Integer, nullable=False),
    Column("rejected", Integer, nullable=False),
    Column("kept", Integer, nullable=False),
    Column("more", Integer, nullable=False),
    Column("rows", Text, nullable=False),
    CheckConstraint("status IN ('applied', 'partial', 'rejected')", name="rosters_status"),
    Index("rosters_by_hospital", "hospital_id", "received_at", "id"),
)
"""The log of intake; `rows` is the JSON of what was said about single rows, `more` how many of them are left out.

`input` is the event's own id; `account_id` is "" for what came by AMQP.
"""

roster_registers = Table(
    "roster_registers",
    metadata,
    Column("hospital_id", Text, ForeignKey("hospitals.id"), primary_key=True),
    Column("aspect", Text, primary_key=True),
    Column("code", Text, primary_key=True),
    Column("version", BigInteger, primary_key=True),
    Column("digest", Text, nullable=False),
    Column("content", Text, nullable=False),
    Column("needs", Text),
    CheckConstraint("aspect IN ('doctor', 'plan', 'status', 'extra', 'named')", name="roster_registers_aspect"),
    Index("roster_registers_by_code", "hospital_id", "code"),
    Index("roster_registers_needs", "hospital_id", "needs"),
)
"""What a hospital says of a session besides its plan (status, extra: the greatest version alone), and what waits for what it
refers to: `needs` names that, as in doctor:D17. `named`: when a session was last named that is not known yet.
"""

roster_snapshots = Table(
    "roster_snapshots",
    metadata,
    Column("hospital_id", Text, ForeignKey("hospitals.id"), primary_key=True),
    Column("id", Text, primary_key=True),
    Column("first", Date, nullable=False),
    Column("last", Date, nullable=False),
    Column("as_of", UtcDateTime, nullable=False),
    Column("count", Integer, nullable=False),
    Column("parts", Text, nullable=False),
    Column("complete", Boolean, nullable=False),
)
"""Snapshots of days that are not over. `parts` is the JSON list of those that have come."""
