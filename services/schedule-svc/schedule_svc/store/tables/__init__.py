"""The tables. Constraints guard what the code promises: the inventory's equation, and no number given twice."""

from schedule_svc.store.tables.base import metadata
from schedule_svc.store.tables.catalogue import departments, doctors, hospitals
from schedule_svc.store.tables.fairness import draws, entries, forecasts, hospital_rules, patient_credit, vouchers
from schedule_svc.store.tables.forecasting import forecast_scores
from schedule_svc.store.tables.inventory import reservations, returned_numbers, sessions, slots
from schedule_svc.store.tables.rosters import roster_registers, roster_snapshots, rosters

__all__ = [
    "departments",
    "doctors",
    "draws",
    "entries",
    "forecast_scores",
    "forecasts",
    "hospital_rules",
    "hospitals",
    "metadata",
    "patient_credit",
    "reservations",
    "returned_numbers",
    "roster_registers",
    "roster_snapshots",
    "rosters",
    "sessions",
    "slots",
    "vouchers",
]
