"""The API's schemas. Rosters' rows are checked one by one in the use case: a bad row must not refuse the others."""

from datetime import date, datetime, timedelta
from typing import Any

from common.web import Idents, MoneySchema, Paged, Schema
from haoyuan_roster_format import MOST_NUMBERS, MOST_SLOTS
from marshmallow import ValidationError, fields, validate, validates_schema

EARLIEST, LATEST = date(2000, 1, 1), date(2099, 12, 31)
_POLICIES = validate.OneOf(["first_come", "lottery", "weighted"])
_STATES = validate.OneOf(["draft", "announced", "open", "sold_out", "stopped", "closed"])
_PERIODS = validate.OneOf(["morning", "afternoon", "evening"])


class HospitalQuery(Paged):
    """By code."""


class DepartmentQuery(Paged):
    """By hospital and code."""

    sort_kinds = (str, str)
    hospital_id = Idents.id()


class DoctorQuery(Paged):
    """By department and code."""

    sort_kinds = (str, str)
    hospital_id = Idents.id()
    department_id = Idents.id()


class SessionQuery(Paged):
    """Dates are Beijing's; both ends belong to the range. Without `date_from` it begins today."""

    sort_kinds = (datetime, str)

    hospital_id = Idents.id()
    department_id = Idents.id()
    doctor_id = Idents.id()
    date_from = fields.Date(validate=validate.Range(EARLIEST, LATEST))
    date_to = fields.Date(validate=validate.Range(EARLIEST, LATEST))
    policy = fields.String(validate=_POLICIES)
    open_only = fields.Boolean(
        load_default=False,
        truthy={"true"},
        falsy={"false"},
        metadata={"description": "in the state `open`: a number is to be had now, or an entry to a draw"},
    )

    @validates_schema
    def _in_order(self, data: dict[str, Any], **_: Any) -> None:
        if "date_from" in data and "date_to" in data and data["date_from"] > data["date_to"]:
            raise ValidationError({"date_to": ["lies before date_from"]})


class Sought(fields.String):
    """What somebody looks for, without the spaces around it."""

    def _deserialize(self, value: Any, *args: Any, **kwargs: Any) -> str:
        return super()._deserialize(value, *args, **kwargs).strip()


class SearchQuery(Schema):
    """Words, all of which are to be found."""

    q = Sought(required=True, validate=validate.Length(1, 64), metadata={"example": "仁济 李"})
    limit = fields.Integer(
        load_default=10, validate=validate.Range(1, 50), metadata={"description": "how many of each kind"}
    )


class Named(Schema):
    id = fields.String(required=True)
    name = fields.String(required=True)


class Hospital(Named):
    code = fields.String(required=True, metadata={"description": "the hospital's own code"})
    grade = fields.String(required=True)
    address = fields.String(required=True)


class Department(Named):
    code = fields.String(required=True)
    hospital_id = fields.String(required=True)
    hospital_name = fields.String(required=True)


class Doctor(Named):
    code = fields.String(required=True)
    hospital_id = fields.String(required=True)
    hospital_name = fields.String(required=True)
    department_id = fields.String(required=True)
    department_name = fields.String(required=True)
    title = fields.String(required=True)
    specialty = fields.String(required=True)


class Found(Schema):
    """What a search found: at most `limit` of each kind, those first whose name is sought, or begins so."""

    hospitals = fields.List(fields.Nested(Hospital), required=True)
    departments = fields.List(fields.Nested(Department), required=True)
    doctors = fields.List(fields.Nested(Doctor), required=True)


class SessionDoctor(Named):
    title = fields.String(required=True)


class Slot(Schema):
    id = fields.String(required=True)
    starts_at = fields.AwareDateTime(required=True)
    ends_at = fields.AwareDateTime(required=True)
    capacity = fields.Integer(required=True)
    remaining = fields.Integer(required=True)


class Session(Schema):
    id = fields.String(required=True)
    code = fields.String(required=True, metadata={"description": "the hospital's own code"})
    version = fields.Integer(required=True)
    hospital = fields.Nested(Named, required=True)
    department = fields.Nested(Named, required=True)
    doctor = fields.Nested(SessionDoctor, required=True)
    date = fields.Date(required=True)
    period = fields.String(required=True, validate=_PERIODS)
    grade = fields.String(required=True, metadata={"description": "号别"})
    urgent = fields.Boolean(required=True, metadata={"description": "急诊: missed visits bar nobody from it"})
    starts_at = fields.AwareDateTime(required=True)
    ends_at = fields.AwareDateTime(required=True)
    room = fields.String(required=True)
    fee = fields.Nested(MoneySchema, required=True)
    policy = fields.String(required=True, validate=_POLICIES)
    release_at = fields.AwareDateTime(
        required=True, metadata={"description": "放号: numbers are to be had from here on"}
    )
    draw_at = fields.AwareDateTime(
        required=True, allow_none=True, metadata={"description": "a draw takes entries until then"}
    )
    cancel_before = fields.AwareDateTime(required=True)
    state = fields.String(required=True, validate=_STATES, metadata={"description": "a draft is shown to staff alone"})
    stop_reason = fields.String(metadata={"description": "only when stopped"})
    capacity = fields.Integer(required=True)
    remaining = fields.Integer(required=True)
    slots = fields.List(fields.Nested(Slot), required=True)


def _page(item: type[Schema]) -> type[Schema]:
    members = {
        "items": fields.List(fields.Nested(item), required=True),
        "next_cursor": fields.String(required=True, allow_none=True),
    }
    return type(f"{item.__name__}Page", (Schema,), members)


class Substitutes(Schema):
    items = fields.List(fields.Nested(Session), required=True)


HospitalPage, DepartmentPage, DoctorPage, SessionPage = map(_page, (Hospital, Department, Doctor, Session))


class PublishSlot(Schema):
    starts_at = fields.AwareDateTime(required=True, format="iso")
    ends_at = fields.AwareDateTime(required=True, format="iso")
    capacity = fields.Integer(required=True, strict=True, validate=validate.Range(1, MOST_NUMBERS))
    blocked = fields.Integer(
        strict=True, validate=validate.Range(0, MOST_NUMBERS), metadata={"description": "numbers not for sale here"}
    )
    quotas = fields.Dict(
        keys=fields.String(validate=validate.OneOf(["referral", "window", "follow_up"])),
        values=fields.Integer(strict=True, validate=validate.Range(0, MOST_NUMBERS)),
        metadata={"description": "numbers set aside: to be had through that channel only"},
    )


class PublishSession(Schema):
    """`code` is the hospital's own; `version` grows when the session is published again with other content."""

    doctor_id = Idents.id(required=True)
    department_id = Idents.id(metadata={"description": "default: the doctor's own"})
    code = Idents.text(64)
    version = fields.Integer(strict=True, validate=validate.Range(0, 2**31 - 1))
    date = fields.Date(required=True)
    period = fields.String(required=True, validate=_PERIODS)
    room = Idents.text(400, 0)
    fee = fields.Nested(MoneySchema, required=True)
    release_at = fields.AwareDateTime(required=True, format="iso")
    cancel_before = fields.AwareDateTime(format="iso", metadata={"description": "default: by the hospital's rules"})
    policy = fields.String(validate=_POLICIES)
    draw_at = fields.AwareDateTime(format="iso", metadata={"description": "exactly for draws"})
    grade = Idents.text(400, 0, metadata={"description": "default: the doctor's title"})
    urgent = fields.Boolean(truthy={True}, falsy={False})
    draft = fields.Boolean(truthy={True}, falsy={False}, metadata={"description": "known, but not public yet"})
    slots = fields.List(fields.Nested(PublishSlot), required=True, validate=validate.Length(1, MOST_SLOTS))


class DraftSlot(Schema):
    starts_at = fields.AwareDateTime(required=True)
    ends_at = fields.AwareDateTime(required=True)
    capacity = fields.Integer(required=True)
    blocked = fields.Integer(required=True)
    quotas = fields.Dict(keys=fields.String(), values=fields.Integer(), required=True)


class Draft(Schema):
    """A session that is not public yet, as it was sent last: PublishSession with its `code` and a greater `version` changes it."""

    id = fields.String(required=True)
    code = fields.String(required=True)
    version = fields.Integer(required=True)
    hospital_id = fields.String(required=True)
    doctor = fields.Nested(SessionDoctor, required=True)
    department_id = fields.String(required=True, allow_none=True, metadata={"description": "null: the doctor's own"})
    date = fields.Date(required=True)
    period = fields.String(required=True, validate=_PERIODS)
    room = fields.String(required=True)
    fee = fields.Nested(MoneySchema, required=True)
    grade = fields.String(required=True, allow_none=True, metadata={"description": "null: the doctor's title"})
    urgent = fields.Boolean(required=True)
    policy = fields.String(required=True, validate=_POLICIES)
    release_at = fields.AwareDateTime(required=True)
    draw_at = fields.AwareDateTime(required=True, allow_none=True)
    cancel_before = fields.AwareDateTime(
        required=True, allow_none=True, metadata={"description": "null: by the hospital's rules"}
    )
    stopped = fields.Boolean(required=True, metadata={"description": "停诊: it would be public, and stopped"})
    slots = fields.List(fields.Nested(DraftSlot), required=True)


DraftPage = _page(Draft)


class DraftQuery(Paged):
    """By time."""

    sort_kinds = (datetime, str)
    hospital_id = Idents.id(metadata={"description": "default: the caller's own"})
    code = Idents.text(64, metadata={"description": "the one of this code alone"})


class StopSession(Schema):
    reason = Idents.text(200, required=True)


class AddNumbers(Schema):
    slot_id = Idents.id(required=True)
    extra = fields.Integer(required=True, strict=True, validate=validate.Range(1, 1000))
    patient_id = fields.String(
        validate=validate.Regexp(r"pat_[a-z2-7]{24}([a-z2-7]{16})?\Z", error="is no patient's id"),
        metadata={"description": "only she gets them"},
    )


_EXAMPLE_SLOT = {
    "starts_at": "2026-12-01T08:00:00+08:00",
    "ends_at": "2026-12-01T08:30:00+08:00",
    "capacity": 5,
    "blocked": 1,
}
_EXAMPLE_SESSION = {
    "code": "2026-12-01-am-zhang",
    "version": 1,
    "doctor": "D017",
    "department": "cardiology",
    "date": "2026-12-01",
    "period": "morning",
    "room": "3F-12",
    "fee": {"amount": 5000, "currency": "CNY"},
    "release_at": "2026-11-24T08:30:00+08:00",
    "cancel_before": "2026-11-30T20:00:00+08:00",
    "slots": [_EXAMPLE_SLOT],
}


def _example(**row: Any) -> dict[str, Any]:
    return {"example": [row]}


class Roster(Schema):
    """Things are named by the hospital's own codes. Each row has a `version` (default 0): a greater one applies.

    Instead of a roster, the body may be any roster event in its CloudEvents envelope: see /api/v1/rosters/schemas/.
    """

    hospital = fields.Raw(
        required=True,
        metadata={"example": {"code": "renai", "version": 1, "name": "仁爱医院", "grade": "三级甲等", "address": ""}},
    )
    departments = fields.Raw(metadata=_example(code="cardiology", version=1, name="心内科"))
    doctors = fields.Raw(
        metadata=_example(
            code="D017", version=1, name="张伟", title="主任医师", department="cardiology", specialty="冠心病"
        )
    )
    sessions = fields.Raw(metadata=_example(**_EXAMPLE_SESSION))
    window = fields.Raw(metadata={"example": {"from": "2026-12-01", "to": "2026-12-07"}})
    as_of = fields.Raw(metadata={"example": "2026-11-24T02:00:00+08:00"})
    part = fields.Raw(metadata={"example": {"of": "2026-11-24", "number": 1, "count": 2}})


class RosterRow(Schema):
    path = fields.String(required=True, metadata={"example": "sessions[3].slots"})
    session_id = fields.String(required=True, allow_none=True)
    code = fields.String(required=True)
    severity = fields.String(required=True, validate=validate.OneOf(["error", "warning"]))
    message = fields.String(required=True)


class RosterSummary(Schema):
    """`kept` are those of the rejected that take effect as soon as what they refer to is known; `more`: rows left out."""

    roster_id = fields.String(required=True)
    hospital_id = fields.String(required=True)
    input = fields.String(required=True, metadata={"description": "the event's id"})
    type = fields.String(required=True)
    status = fields.String(required=True, validate=validate.OneOf(["applied", "partial", "rejected"]))
    applied = fields.Integer(required=True)
    unchanged = fields.Integer(required=True)
    rejected = fields.Integer(required=True)
    kept = fields.Integer(required=True)
    more = fields.Integer(required=True)
    rows = fields.List(fields.Nested(RosterRow), required=True)


class LoggedRoster(RosterSummary):
    """What came of an input, as it is logged."""

    received_at = fields.AwareDateTime(required=True)


class RosterInList(LoggedRoster):
    class Meta:
        exclude = ("rows",)


RosterPage = _page(RosterInList)


class RosterQuery(Paged):
    """Newest first."""

    sort_kinds = (datetime, str)
    hospital_id = Idents.id(metadata={"description": "default: the caller's own"})


class SchemaNames(Schema):
    items = fields.List(fields.String(), required=True)


ONE_DAY = timedelta(days=1)
