"""What goes into the clinic day by HTTP, and what comes out."""

from datetime import date as calendar_date
from datetime import datetime
from typing import Any

from common.web import Idents, Paged, PlainText, Schema
from marshmallow import ValidationError, fields, validate, validates_schema

from booking_svc.api.schemas import VisitSchema, void_reason
from booking_svc.clinic.queue import DISCIPLINES
from booking_svc.clinic.visits import REASONS, Move, VisitState

STATES = [str(s) for s in VisitState]
CLASSES = list(REASONS)
_REASONS = sorted(reason for reasons in REASONS.values() for reason in reasons)
MOST_PAUSE = 480  # minutes


class Number(fields.Float):
    """A number that is written as one, not as a text."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> float:
        if not isinstance(value, int | float):
            raise self.make_error("invalid")
        return super()._deserialize(value, attr, data, **kwargs)


class Room(PlainText):
    """What is on a room's door. It stands in paths, so it has no slash."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(40, **kwargs)

    def _deserialize(self, value: Any, *args: Any, **kwargs: Any) -> str:
        room = super()._deserialize(value, *args, **kwargs)
        if "/" in room or "\\" in room:
            raise ValidationError("has no slash")
        return room


def _why(**kwargs: Any) -> PlainText:
    return PlainText(200, metadata={"description": "for the record: every move keeps who and why"}, **kwargs)


# --- in: visits ------------------------------------------------------------------------------------------------------


class CheckInSchema(Schema):
    """Proof that one is here: the code of the door, or a position. The desk needs none."""

    code = fields.String(load_default=None, validate=validate.Regexp(r"[0-9]{6}\Z", error="is six digits"))
    latitude = Number(load_default=None, validate=validate.Range(-90, 90))
    longitude = Number(load_default=None, validate=validate.Range(-180, 180))
    accuracy = Number(
        load_default=None,
        validate=validate.Range(0, 100_000),
        metadata={"description": "by how many metres the position may be wrong"},
    )

    @validates_schema
    def _one_proof(self, data: dict[str, Any], **_: Any) -> None:
        given = {name for name, value in data.items() if value is not None}
        if "code" in given and len(given) > 1:
            raise ValidationError("a code, or a position", "code")
        for name in ("latitude", "longitude"):
            if name not in given and given & {"latitude", "longitude", "accuracy"}:
                raise ValidationError("a position has both", name)


class VisitsQuery(Paged):
    """Filters of the list."""

    sort_kinds = (datetime, str)

    date = fields.Date(
        load_default=None,
        validate=validate.Range(calendar_date(2000, 1, 1), calendar_date(2099, 12, 31)),
        metadata={"description": "in Beijing"},
    )


class CallSchema(Schema):
    """Where somebody is called to out of turn, and why."""

    room = Room(required=True)
    why = _why(required=True)


class WhySchema(Schema):
    """Why it is done."""

    why = _why(required=True)


class TransferSchema(Schema):
    """The session in whose line to wait instead, and why."""

    to_session_id = Idents.id(required=True)
    why = _why(required=True)


class ClassSchema(Schema):
    """Of which class she is, and for an emergency or a priority why: it is shown on the board."""

    visit_class = fields.String(required=True, validate=validate.OneOf(CLASSES))
    reason = fields.String(load_default=None, allow_none=True, validate=validate.OneOf(_REASONS))


# --- in: queues ------------------------------------------------------------------------------------------------------


class NextSchema(Schema):
    """`after`: who is in the room now, as its desk believes; null: nobody. `outcome`: what became of her."""

    room = Room(required=True)
    after = Idents.id(required=True, allow_none=True)
    call = fields.Integer(
        load_default=None,
        allow_none=True,
        strict=True,
        validate=validate.Range(1, 10_000),
        metadata={
            "description": "which of her calls that was, `calls` of the visit; so a stale screen finishes nobody"
        },
    )
    outcome = fields.String(load_default="done", validate=validate.OneOf(["done", "passed"]))


class WalkInSchema(ClassSchema):
    """Somebody who comes without an appointment. Of her name the first character is kept."""

    name = PlainText(50, required=True)
    patient_id = Idents.id(load_default=None, allow_none=True, metadata={"description": "if she has one here"})
    visit_class = fields.String(load_default="walk_in", validate=validate.OneOf(["emergency", "priority", "walk_in"]))


class DeskSchema(Schema):
    """A room in which the queue is served from now on. Without `doctor_id`: by the caller, or the session's doctor."""

    room = Room(required=True)
    doctor_id = Idents.id(load_default=None, allow_none=True)


class PauseSchema(Schema):
    """Why nobody is called, which patients are told. Without `minutes`: until it is resumed."""

    why = _why(required=True)
    minutes = fields.Integer(load_default=None, allow_none=True, strict=True, validate=validate.Range(1, MOST_PAUSE))


class DisciplineSchema(Schema):
    """In which order they are called from now on, for those who wait too, and why."""

    discipline = fields.String(
        required=True,
        allow_none=True,
        validate=validate.OneOf(DISCIPLINES),
        metadata={"description": "null: by the hospital's rule again"},
    )
    why = _why(required=True)


class CloseSchema(Schema):
    """Why the clinic is over, if there is more to say."""

    why = _why(load_default="")


class RoomInPath(Schema):
    """A room that a path names."""

    room = Room(required=True)


# --- out: visits -----------------------------------------------------------------------------------------------------


class CheckInRuleSchema(Schema):
    """When and how to check in, by the hospital's rules of that time."""

    opens_at = fields.AwareDateTime(required=True)
    late_after = fields.AwareDateTime(required=True, metadata={"description": "then she goes by when she came"})
    void_after = fields.AwareDateTime(
        required=True, metadata={"description": "then the number is void, and its fee goes back"}
    )
    proofs = fields.List(fields.String(metadata={"enum": ["position", "code"]}), required=True)


class MovedToSchema(Schema):
    """Whose line she stands in after a transfer."""

    session_id = fields.String(required=True)
    department_name = fields.String(required=True)
    doctor_id = fields.String(required=True)
    doctor_name = fields.String(required=True)
    doctor_title = fields.String(required=True)
    room = fields.String(required=True)


class VainCallSchema(Schema):
    """A call that came to nothing, after which she waits again."""

    at = fields.AwareDateTime(required=True, metadata={"description": "when she was called"})
    ended = fields.String(
        required=True,
        metadata={
            "description": "she did not come (whether or not it counts in `passes`), or it was taken back",
            "enum": ["passed", "put_back"],
        },
    )


class ClinicVisitSchema(Schema):
    """A visit on the day."""

    id = fields.String(required=True)
    order_id = fields.String(required=True, allow_none=True)
    session_id = fields.String(required=True, metadata={"description": "what was booked"})
    queue_id = fields.String(
        required=True, metadata={"description": "the session in whose line it stands: another one after a transfer"}
    )
    ticket = fields.String(required=True, metadata={"description": "what is called out"})
    name = fields.String(required=True, allow_none=True, metadata={"description": "masked"})
    state = fields.String(required=True, metadata={"enum": STATES})
    void_reason = void_reason()
    visit_class = fields.String(required=True, metadata={"enum": CLASSES})
    reason = fields.String(
        required=True,
        allow_none=True,
        metadata={"description": "of an emergency or a priority", "enum": [*_REASONS, None]},
    )
    ahead = fields.Integer(
        required=True, allow_none=True, metadata={"description": "how many wait before her, while she waits"}
    )
    room = fields.String(required=True, allow_none=True, metadata={"description": "where she is called to"})
    passes = fields.Integer(required=True, metadata={"description": "calls that she missed"})
    calls = fields.Integer(required=True)
    vain_call = fields.Nested(
        VainCallSchema,
        required=True,
        allow_none=True,
        metadata={"description": "her last call, if it came to nothing and she waits again"},
    )
    late = fields.Boolean(required=True)
    check_in = fields.Nested(CheckInRuleSchema, required=True, allow_none=True)
    visit = fields.Nested(VisitSchema, required=True, metadata={"description": "what was agreed"})
    moved_to = fields.Nested(MovedToSchema, required=True, allow_none=True)
    checked_in_at = fields.AwareDateTime(required=True, allow_none=True)
    called_at = fields.AwareDateTime(required=True, allow_none=True)
    started_at = fields.AwareDateTime(required=True, allow_none=True)
    ended_at = fields.AwareDateTime(required=True, allow_none=True)


class ClinicVisitsSchema(Schema):
    """A page of visits."""

    items = fields.List(fields.Nested(ClinicVisitSchema), required=True)
    next_cursor = fields.String(required=True, allow_none=True)


class VisitStepSchema(Schema):
    """One move: who made it, why, and what else tells of it."""

    at = fields.AwareDateTime(required=True)
    queue_id = fields.String(required=True)
    move = fields.String(required=True, metadata={"enum": [str(m) for m in Move]})
    state = fields.String(required=True, metadata={"enum": STATES})
    by = fields.String(required=True, metadata={"description": "an account, or a part of the platform"})
    why = fields.String(required=True)
    facts = fields.Dict(required=True, metadata={"description": "room, place, class..., where they tell something"})


class VisitHistorySchema(Schema):
    """Every move of a visit, the first one first."""

    visit_id = fields.String(required=True)
    items = fields.List(fields.Nested(VisitStepSchema), required=True)


# --- out: queues -----------------------------------------------------------------------------------------------------


class InLineSchema(Schema):
    """One in a line. Patients see tickets and states; boards see masked names and classes too; staff also see the ids."""

    ticket = fields.String(required=True)
    state = fields.String(required=True, metadata={"enum": STATES})
    mine = fields.Boolean(metadata={"description": "to patients: this is theirs"})
    visit_id = fields.String(metadata={"description": "to staff, and to patients of their own"})
    order_id = fields.String(allow_none=True)
    name = fields.String(allow_none=True, metadata={"description": "masked"})
    visit_class = fields.String(metadata={"enum": CLASSES})
    reason = fields.String(allow_none=True, metadata={"enum": [*_REASONS, None]})
    passes = fields.Integer()
    late = fields.Boolean()
    starts_at = fields.AwareDateTime()


class SpokenSchema(InLineSchema):
    """One call, to be spoken once: `serial` grows with each of a queue."""

    serial = fields.Integer(required=True)
    room = fields.String(required=True, allow_none=True)
    at = fields.AwareDateTime(required=True)
    again = fields.Boolean(required=True)


class AtDeskSchema(Schema):
    """A desk that is open, and who is there."""

    room = fields.String(required=True)
    doctor_id = fields.String(required=True)
    visit = fields.Nested(InLineSchema, required=True, allow_none=True)
    called_at = fields.AwareDateTime(required=True, allow_none=True)


class PausedSchema(Schema):
    """Nobody is called now."""

    why = fields.String(required=True)
    since = fields.AwareDateTime(required=True)
    until = fields.AwareDateTime(required=True, allow_none=True, metadata={"description": "when it goes on by itself"})


class QueueSchema(Schema):
    """A line as it stands. `revision` grows with each change."""

    session_id = fields.String(required=True)
    revision = fields.Integer(required=True)
    at = fields.AwareDateTime(required=True, metadata={"description": "when it stood so"})
    state = fields.String(required=True, metadata={"enum": ["open", "closed"]})
    discipline = fields.String(
        required=True,
        allow_none=True,
        metadata={"description": "in place of the hospital's rule", "enum": [*DISCIPLINES, None]},
    )
    department_name = fields.String(required=True, allow_none=True)
    doctor_name = fields.String(required=True, allow_none=True)
    paused = fields.Nested(PausedSchema, required=True, allow_none=True)
    desks = fields.List(fields.Nested(AtDeskSchema), required=True, metadata={"description": "now serving, by rooms"})
    waiting = fields.List(
        fields.Nested(InLineSchema), required=True, metadata={"description": "in the order of their calls"}
    )
    away = fields.List(fields.Nested(InLineSchema), required=True, metadata={"description": "at an examination"})
    expected = fields.List(fields.Nested(InLineSchema), metadata={"description": "to staff: not here yet"})
    missed = fields.List(fields.Nested(InLineSchema), metadata={"description": "to staff: may be let in again"})
    counts = fields.Dict(
        required=True,
        keys=fields.String(),
        values=fields.Integer(),
        metadata={"description": "visits of this queue by their states"},
    )
    called = fields.List(
        fields.Nested(SpokenSchema), required=True, metadata={"description": "the newest calls, newest first"}
    )


class CalledSchema(Schema):
    """Who is in the room now; nobody: the line is empty. `repeated`: it was so before this request."""

    room = fields.String(required=True)
    repeated = fields.Boolean(required=True)
    visit = fields.Nested(ClinicVisitSchema, required=True, allow_none=True)


class DeskOutSchema(Schema):
    """A room in which a queue is served."""

    room = fields.String(required=True)
    doctor_id = fields.String(required=True)
    is_open = fields.Boolean(required=True)
    visit_id = fields.String(required=True, allow_none=True, metadata={"description": "who is there"})


class MovedSchema(Schema):
    """Those who stand in another line now."""

    items = fields.List(fields.Nested(ClinicVisitSchema), required=True)


class DoorSchema(Schema):
    """What the screen at the door shows."""

    code = fields.String(required=True, metadata={"description": "six digits"})
    until = fields.AwareDateTime(required=True)
