"""What an order is told: its reservation in the words of the catalogue, again and again alike."""

from common.messages import Message, SlotEntered, SlotRejected, SlotReserved, SlotWaitlisted, Visit

from schedule_svc.domain import Entry, Reservation, Session


def answer(r: Reservation, session: Session | None, entry: Entry | None, visit: Visit | None) -> Message:
    """The answer to an order. `entry`: its part in a draw, `visit`: that of its number, if it has one."""
    if r.state == "waiting" and r.position is not None:
        return SlotWaitlisted(r.order_id, r.session_id, r.position)
    if r.state == "entered" and session is not None and entry is not None:
        draw_at = session.draw_at or session.release_at
        return SlotEntered(r.order_id, r.session_id, draw_at, entry.pseudonym, entry.weight, list(entry.parts))
    if session is not None and visit is not None and r.slot_id is not None and r.queue_number is not None:
        return SlotReserved(
            r.order_id,
            r.session_id,
            r.slot_id,
            r.queue_number,
            session.fee,
            visit,
            r.cancel_before or session.last_cancel,
            r.hold_seconds,
            r.offered,
        )
    reason = "released" if r.state == "released" else r.reason
    return SlotRejected(r.order_id, r.session_id, reason, r.rule, r.until)
