"""Patients' credit, as user-svc tells of it: what the rules need of it is kept here."""

from collections.abc import Sequence

from common.envelope import Received
from common.outbox import Tx

from schedule_svc.store import rules as store


def keep_credit(tx: Tx, received: Sequence[Received]) -> None:
    """CreditChanged: the marks that stand against a person. What is older than what is known changes nothing."""
    for r in received:
        store.keep_credit(tx.conn, r.message.patient_id, r.message.revision, r.message.marks)
