"""Which segments of a session can be had, and for whom their numbers are set aside."""

from collections.abc import Iterator
from datetime import datetime

from schedule_svc.domain import CHANNELS, Reservation, Segment, Session
from schedule_svc.rules import RuleSet, asides_end


def segment_refusal(session: Session, segment_id: str | None, now: datetime) -> str:
    """Why the segment asked for cannot be had at all; "" if it may, or if any will do."""
    if segment_id is None:
        return ""
    segment = session.segment(segment_id)
    if segment is None or segment.capacity == 0:
        return "slot_not_found"
    return "" if any(on_sale(session, segment_id, now)) else "session_over"


def on_sale(session: Session, segment_id: str | None, now: datetime) -> Iterator[Segment]:
    """The segment asked for, or all, in the order of their times; without those that are over."""
    for segment in session.segments:
        if segment_id in (None, segment.id) and now < segment.ends_at:
            yield segment


def take_aside(segment: Segment, key: str) -> None:
    """One of the numbers that are set aside for `key` is taken."""
    aside, used = segment.asides[key]
    segment.asides[key] = (aside, used + 1)


def set_aside_again(rules: RuleSet, session: Session, segment: Segment, freed: Reservation, now: datetime) -> None:
    """A freed number that was set aside for such as her is so again, unless that time is over."""
    aside, used = segment.asides.get(freed.channel or "", (0, 0))
    if used and (freed.channel not in CHANNELS or now < asides_end(rules, session.starts_at)):
        segment.asides[freed.channel or ""] = (aside, used - 1)
