"""user-svc's tables and queries. Only this package knows SQL."""

from user_svc.store.accounts import (
    account,
    account_by_key,
    accounts_at,
    add_account,
    change_account,
    is_reserved,
)
from user_svc.store.credit import (
    add_mark,
    change_mark,
    keep_seen,
    lock_sessions,
    mark,
    marks_of,
    marks_of_sessions,
    next_credit_revision,
    no_shows_of,
    open_appeals,
    patient_of,
    seen_of,
    stop_sessions,
)
from user_svc.store.figures import audit_figures
from user_svc.store.patients import (
    add_patient,
    change_patient,
    leave_wards,
    patient,
    patients_of,
    patients_since,
    removed_patient,
)
from user_svc.store.persons import person
from user_svc.store.tables import metadata

__all__ = [
    "account",
    "account_by_key",
    "accounts_at",
    "add_account",
    "add_mark",
    "add_patient",
    "audit_figures",
    "change_account",
    "change_mark",
    "change_patient",
    "is_reserved",
    "keep_seen",
    "leave_wards",
    "lock_sessions",
    "mark",
    "marks_of",
    "marks_of_sessions",
    "metadata",
    "next_credit_revision",
    "no_shows_of",
    "open_appeals",
    "patient",
    "patient_of",
    "patients_of",
    "patients_since",
    "person",
    "removed_patient",
    "seen_of",
    "stop_sessions",
]
