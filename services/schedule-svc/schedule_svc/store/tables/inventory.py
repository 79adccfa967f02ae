"""Sessions, their slots and numbers, and the reservations on them. Constraints guard the equation, and each number."""

import sqlalchemy as sa
from common.outbox import UtcDateTime
from sqlalchemy import (
    Boolean,
    CheckConstraint,
    Column,
    Computed,
    Date,
    ForeignKey,
    Index,
    Integer,
    Table,
    Text,
    UniqueConstraint,
)

from schedule_svc.store.tables.base import PERSON_OF, metadata

sessions = Table(
    "sessions",
    metadata,
    Column("id", Text, primary_key=True),
    Column("hospital_id", Text, ForeignKey("hospitals.id"), nullable=False),
    Column("department_id", Text, ForeignKey("departments.id"), nullable=False),
    Column("doctor_id", Text, ForeignKey("doctors.id"), nullable=False),
    Column("code", Text, nullable=False),
    Column("version", Integer, nullable=False),
    Column("digest", Text, nullable=False),
    Column("date", Date, nullable=False),
    Column("period", Text, nullable=False),
    Column("starts_at", UtcDateTime, nullable=False),
    Column("ends_at", UtcDateTime, nullable=False),
    Column("room", Text, nullable=False),
    Column("fee", Integer, nullable=False),
    Column("policy", Text, nullable=False),
    Column("release_at", UtcDateTime, nullable=False),
    Column("draw_at", UtcDateTime),
    Column("cancel_before", UtcDateTime),
    Column("grade", Text, nullable=False),
    Column("urgent", Boolean, nullable=False),
    Column("draft", Boolean, nullable=False),
    Column("released", Boolean, nullable=False),
    Column("draw_state", Text, nullable=False),
    Column("entered", Integer, nullable=False),
    Column("entry_seq", Integer, nullable=False),
    Column("stopped", Boolean, nullable=False),
    Column("stop_reason", Text, nullable=False),
    Column("staff_stop", Text),
    Column("roster_stop", Text),
    Column("named_at", UtcDateTime, nullable=False),
    Column("follows_department", Boolean, nullable=False),
    Column("follows_title", Boolean, nullable=False),
    Column("revision", Integer, nullable=False),
    Column("sold_out", Boolean, nullable=False),
    Column("next_number", Integer, nullable=False),
    Column("waiting", Integer, nullable=False),
    Column("wait_seq", Integer, nullable=False),
    UniqueConstraint("hospital_id", "code", name="sessions_code"),
    CheckConstraint("starts_at < ends_at", name="sessions_times"),
    CheckConstraint("fee >= 0", name="sessions_fee"),
    CheckConstraint("waiting >= 0", name="sessions_waiting"),
    CheckConstraint("entered >= 0", name="sessions_entered"),
    CheckConstraint("draw_state IN ('none', 'open', 'drawing', 'drawn')", name="sessions_draw_state"),
    CheckConstraint("(policy = 'first_come') = (draw_at IS NULL)", name="sessions_draw_at"),
    CheckConstraint("period IN ('morning', 'afternoon', 'evening')", name="sessions_period"),
    Index("sessions_by_time", "starts_at", "id"),
    Index("sessions_by_hospital", "hospital_id", "starts_at", "id"),
    Index("sessions_by_department", "department_id", "starts_at", "id"),
    Index("sessions_by_doctor", "doctor_id", "starts_at", "id"),
)

slots = Table(
    "slots",
    metadata,
    Column("id", Text, primary_key=True),
    Column("session_id", Text, ForeignKey("sessions.id"), nullable=False),
    Column("starts_at", UtcDateTime, nullable=False),
    Column("ends_at", UtcDateTime, nullable=False),
    Column("published", Integer, nullable=False),
    Column("withheld", Integer, nullable=False),
    Column("extra", Integer, nullable=False),
    Column("roster_extra", Integer, nullable=False),
    Column("asides", Text, nullable=False),
    Column("resting", Integer, nullable=False),
    Column("capacity", Integer, nullable=False),
    Column("free", Integer, nullable=False),
    Column("held", Integer, nullable=False),
    Column("sold", Integer, nullable=False),
    Column("blocked", Integer, nullable=False),
    Column("first_number", Integer, nullable=False),
    Column("span", Integer, nullable=False),
    Column("issued", Integer, nullable=False),
    CheckConstraint("capacity = free + held + sold + blocked", name="slots_equation"),
    CheckConstraint("free >= 0 AND held >= 0 AND sold >= 0 AND blocked >= 0", name="slots_not_negative"),
    CheckConstraint(
        "published >= 0 AND withheld >= 0 AND extra >= 0 AND roster_extra >= 0 AND resting >= 0", name="slots_published"
    ),
    CheckConstraint("issued >= held + sold", name="slots_issued"),
    CheckConstraint("starts_at < ends_at", name="slots_times"),
    UniqueConstraint("session_id", "starts_at", name="slots_start"),
)

returned_numbers = Table(
    "returned_numbers",
    metadata,
    Column("slot_id", Text, ForeignKey("slots.id"), primary_key=True),
    Column("number", Integer, primary_key=True),
)

# `hospital_id` to `period` are the session's, as they were when the order was decided: the hospital's limits count by them.
# No foreign keys here: an order may ask for what does not exist, and is remembered as rejected; the audit compares the rest.
reservations = Table(
    "reservations",
    metadata,
    Column("order_id", Text, primary_key=True),
    Column("session_id", Text, nullable=False),
    Column("patient_id", Text, nullable=False),
    Column("person", Text, Computed(PERSON_OF, persisted=True)),
    Column("wanted", Text),
    Column("state", Text, nullable=False),
    Column("slot_id", Text),
    Column("queue_number", Integer),
    Column("reason", Text, nullable=False),
    Column("wait_seq", Integer),
    Column("position", Integer),
    Column("hospital_id", Text, nullable=False),
    Column("department_id", Text, nullable=False),
    Column("doctor_id", Text, nullable=False),
    Column("date", Date),
    Column("period", Text, nullable=False),
    Column("join_waitlist", Boolean, nullable=False),
    Column("auto_book", Boolean, nullable=False),
    Column("voucher", Text),
    Column("replaces", Text),
    Column("channel", Text),
    Column("hold_seconds", Integer, nullable=False),
    Column("offered", Boolean, nullable=False),
    Column("cancel_before", UtcDateTime),
    Column("rule", Text),
    Column("until", UtcDateTime),
    Column("released_by", Text),
    Column("was_sold", Boolean, nullable=False, server_default=sa.false()),
    Column("created_at", UtcDateTime, nullable=False),
    Column("updated_at", UtcDateTime, nullable=False),
    CheckConstraint(
        "state IN ('held', 'sold', 'released', 'rejected', 'waiting', 'entered')", name="reservations_state"
    ),
    CheckConstraint(
        "state NOT IN ('held', 'sold') OR (slot_id IS NOT NULL AND queue_number IS NOT NULL)",
        name="reservations_number",
    ),
    CheckConstraint("state <> 'waiting' OR wait_seq IS NOT NULL", name="reservations_waiting"),
)
Index(
    "reservations_one_per_number",
    reservations.c.session_id,
    reservations.c.queue_number,
    unique=True,
    postgresql_where=sa.text("state IN ('held', 'sold')"),
    sqlite_where=sa.text("state IN ('held', 'sold')"),
)
Index(
    "reservations_waiting_line",
    reservations.c.session_id,
    reservations.c.wait_seq,
    postgresql_where=sa.text("state = 'waiting'"),
    sqlite_where=sa.text("state = 'waiting'"),
)
Index("reservations_of_person", reservations.c.person, reservations.c.date)
# The release before looks here. To be removed with the next migration.
Index("reservations_of_patient", reservations.c.patient_id, reservations.c.date)
