"""Who may have what: the hospitals' rules, patients' credit, vouchers; draws, their entries, and what was forecast."""

from common.outbox import UtcDateTime
from sqlalchemy import (
    Boolean,
    CheckConstraint,
    Column,
    Computed,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    Table,
    Text,
    UniqueConstraint,
)

from schedule_svc.store.tables.base import PERSON_OF, metadata

hospital_rules = Table(
    "hospital_rules",
    metadata,
    Column("hospital_id", Text, ForeignKey("hospitals.id"), primary_key=True),
    Column("version", Integer, primary_key=True),
    Column("effective_from", UtcDateTime, nullable=False),
    Column("rules", Text, nullable=False),
    Column("published_by", Text, nullable=False),
    Column("published_at", UtcDateTime, nullable=False),
)
"""Versions of a hospital's rule set, as JSON. A version never changes."""

patient_credit = Table(
    "patient_credit",
    metadata,
    Column("patient_id", Text, primary_key=True),
    Column("person", Text, Computed(PERSON_OF, persisted=True)),
    Column("revision", Integer, nullable=False),
    Column("marks", Text, nullable=False),
    Index("patient_credit_of_person", "person", "revision"),
)
"""What user-svc has told of credit; `marks` is JSON. Of the rows of one person, who is in several accounts' lists, the greatest
revision has all that stand against her.
"""

vouchers = Table(
    "vouchers",
    metadata,
    Column("code", Text, primary_key=True),
    Column("hospital_id", Text, ForeignKey("hospitals.id"), nullable=False),
    Column("session_id", Text, ForeignKey("sessions.id"), nullable=False, index=True),
    Column("channel", Text, nullable=False),
    Column("urgency", Text, nullable=False),
    Column("patient_id", Text),
    Column("expires_at", UtcDateTime, nullable=False),
    Column("issued_by", Text, nullable=False),
    Column("issued_at", UtcDateTime, nullable=False),
    Column("order_id", Text),
    CheckConstraint("channel IN ('referral', 'window')", name="vouchers_channel"),
    CheckConstraint("urgency IN ('routine', 'soon', 'urgent')", name="vouchers_urgency"),
)
"""A doctor's referral, or a number sold at the counter: opens what is set aside for it. `order_id`: who has used it."""

draws = Table(
    "draws",
    metadata,
    Column("session_id", Text, ForeignKey("sessions.id"), primary_key=True),
    Column("commitment", Text, nullable=False),
    Column("seed", Text, nullable=False),
    Column("drawn_at", UtcDateTime),
    Column("numbers", Integer),
    Column("entrants", Integer),
    Column("root", Text),
    Column("digest", Text),
    Column("record", LargeBinary),
    Column("delivered", Integer, nullable=False),
)
"""`record` is the public record, compressed; `delivered`: how many entrants, in the order of the draw, have been answered."""

entries = Table(
    "entries",
    metadata,
    Column("order_id", Text, primary_key=True),
    Column("session_id", Text, nullable=False),
    Column("seq", Integer, nullable=False),
    Column("pseudonym", Text, nullable=False, unique=True),
    Column("weight", Integer, nullable=False),
    Column("parts", Text, nullable=False),
    Column("rank", Integer),
    CheckConstraint("weight > 0", name="entries_weight"),
    UniqueConstraint("session_id", "seq", name="entries_seq"),
    Index("entries_rank", "session_id", "rank"),
)
"""Who takes part in a draw, in the order of entering; `rank` from 1 once it is drawn. One who left is no longer here."""

forecasts = Table(
    "forecasts",
    metadata,
    Column("order_id", Text, primary_key=True),
    Column("kind", Text, primary_key=True),
    Column("session_id", Text, nullable=False),
    Column("hospital_id", Text, nullable=False),
    Column("probability", Float, nullable=False),
    Column("made_at", UtcDateTime, nullable=False),
    Column("outcome", Boolean),
    CheckConstraint("kind IN ('lottery', 'weighted', 'waitlist')", name="forecasts_kind"),
    CheckConstraint("probability >= 0 AND probability <= 1", name="forecasts_probability"),
    Index("forecasts_by_hospital", "hospital_id", "kind"),
)
"""The chance that was told, and what came of it: for the Brier score."""
