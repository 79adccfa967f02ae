"""What became of an input: logged, told to who uploaded it, and answered on the exchange of results."""

import json
from typing import Any

import msgspec
from common import ids
from common.messages import RosterApplied
from common.outbox import Tx
from haoyuan_roster_format import (
    RESULT_TYPE,
    Counts,
    Note,
    Result,
    ResultRow,
    result_key,
    shown_rows,
    status_of,
)

from schedule_svc.store import rosters as store
from schedule_svc.usecases.reception import Reception

OUTLET = "roster.out"
MOST_LOGGED = 1000
"""Of an input's rows; answers over HTTP show as many."""


def conclude(tx: Tx, reception: Reception, account_id: str = "") -> dict[str, Any]:
    """Log an input and tell the account that uploaded it, if one did; answers the summary."""
    counts = Counts(
        applied=reception.applied,
        unchanged=reception.unchanged,
        rejected=reception.rejected,
        kept=reception.kept,
    )
    rows, more = shown_rows(reception.notes, MOST_LOGGED)
    summary = {
        "roster_id": ids.mint("ros"),
        "hospital_id": reception.hospital_id,
        "input": reception.origin.input,
        "type": reception.origin.type,
        "status": status_of(counts, reception.notes),
        **msgspec.structs.asdict(counts),
        "more": more,
        "rows": rows,
    }
    logged = {name: value for name, value in summary.items() if name not in {"roster_id", "rows"}}
    stored = json.dumps(rows, ensure_ascii=False)
    store.log_roster(
        tx.conn,
        {"id": summary["roster_id"], "account_id": account_id, "received_at": tx.now, "rows": stored, **logged},
    )
    if account_id:
        tx.send(
            RosterApplied(
                roster_id=summary["roster_id"],
                hospital_id=reception.hospital_id,
                account_id=account_id,
                applied=counts.applied,
                unchanged=counts.unchanged,
                rejected=counts.rejected,
            )
        )
    return summary


def send(tx: Tx, hospital: str, reception: Reception, roster_id: str = "") -> None:
    """Answer the hospital of this code on the exchange of results. `roster_id`: "" for what could not be logged."""
    rows, more = shown_rows(reception.notes)
    counts = Counts(
        applied=reception.applied,
        unchanged=reception.unchanged,
        rejected=reception.rejected,
        kept=reception.kept,
    )
    result = Result(
        input=reception.origin.input,
        type=reception.origin.type,
        roster_id=roster_id,
        status=status_of(counts, reception.notes),
        counts=counts,
        rows=msgspec.convert(rows, list[ResultRow]),
        more=more,
    )
    result_id = ids.mint("res")
    event = {
        "specversion": "1.0",
        "id": result_id,
        "source": "/schedule-svc",
        "type": RESULT_TYPE,
        "subject": hospital,
        "time": tx.now,
        "datacontenttype": "application/json",
        "data": result,
    }
    tx.send_out(OUTLET, result_key(hospital), msgspec.json.encode(event), result_id)


def applied_later(path: str, session_id: str | None = None) -> Note:
    """What a row waited for is known now."""
    return Note(path, "applied_later", "what it refers to is known now, so it has taken effect", "warning", session_id)
