"""How good past forecasts were, and what forecasts are made of."""

import sqlalchemy as sa
from sqlalchemy import CheckConstraint, Column, Float, ForeignKey, Index, Integer, Table, Text

from schedule_svc.store.tables.base import metadata
from schedule_svc.store.tables.inventory import reservations

forecast_scores = Table(
    "forecast_scores",
    metadata,
    Column("hospital_id", Text, ForeignKey("hospitals.id"), primary_key=True),
    Column("kind", Text, primary_key=True),
    Column("forecasts", Integer, nullable=False),
    Column("squares", Float, nullable=False),
    CheckConstraint("kind IN ('lottery', 'weighted', 'waitlist')", name="forecast_scores_kind"),
    CheckConstraint("forecasts >= 0 AND squares >= 0 AND squares <= forecasts", name="forecast_scores_sum"),
)
"""Of the forecasts whose outcome is known: how many, and the sum of their squared errors; so that nobody has to count them."""

Index(
    "reservations_freed",
    reservations.c.hospital_id,
    reservations.c.date,
    postgresql_where=sa.text("state = 'released' AND slot_id IS NOT NULL"),
    sqlite_where=sa.text("state = 'released' AND slot_id IS NOT NULL"),
)
