"""Whom an account's news are about: the people whom it books for, and what was told of an order before."""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from common.envelope import Received
from common.messages import PatientSaved

from notify_svc.store import MongoTx


def keep(tx: MongoTx, received: Sequence[Received]) -> None:
    """Keep the masked names as they come. What is heard late changes nothing."""
    people = tx.store.people
    for r in received:
        m: PatientSaved = r.message
        if m.removed:  # what this message calls her is of no use
            tx.at_end(partial(people.remove, m.patient_id, m.account_id, m.revision, tx.now))
        else:
            tx.at_end(partial(people.save, m.patient_id, m.account_id, m.revision, m.masked_name))


def known_of(tx: MongoTx, message: Any, order_id: str | None) -> dict[str, Any]:
    """What the message does not tell itself, under names that no message has: `_patient`, whose it is, `_visit`, that of the
    order as its owner knows it, and `_method`, by which a cancelled order's money went back. Left out where it is not known.
    """
    patient_id = getattr(message, "patient_id", None)
    found: dict[str, Any] = {}
    if order_id is not None and (patient_id is None or not hasattr(message, "visit")):
        told = _told(tx, order_id, getattr(message, "account_id", ""))
        patient_id = patient_id or next((p["patient_id"] for p in told if p.get("patient_id")), None)
        visit = next((p["visit"] for p in told if p.get("visit")), None)
        if visit is not None and not hasattr(message, "visit"):
            found["_visit"] = visit
        if getattr(message, "refunded", 0):
            found |= next(({"_method": p["method"]} for p in told if p.get("purpose") == "order" and "method" in p), {})
    if patient_id is not None and (name := tx.store.people.name_of(patient_id)):
        found["_patient"] = name
    return found


def _told(tx: MongoTx, order_id: str, account_id: str) -> list[Mapping[str, Any]]:
    """The params of what the account was told of its order, the latest first. After a move they are another order's."""
    told = [*tx.store.notifications.of_order(order_id), *(n for n in tx.added if n.order_id == order_id)]
    told = [n for n in told if n.recipient == account_id and n.kind != "order_rescheduled"]
    return [n.params for n in sorted(told, key=lambda n: n.rank, reverse=True)]
