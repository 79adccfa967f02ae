"""What goes into the routes of waiting times and the planner, and what comes out. Durations are seconds, rates are per hour."""

from datetime import date
from typing import Any

from common.web import Idents, Schema
from marshmallow import ValidationError, fields, post_load, validate, validates_schema

from booking_svc.api.clinic_schemas import STATES
from booking_svc.usecases.waiting.backtest import KNOWN, MOST_DAYS
from booking_svc.usecases.waiting.planning import MOST_PATIENTS, Alternative, Numbers, Question

PERIODS = ("morning", "afternoon", "evening")
MOST_DOCTORS = 30
_MOST_SEGMENTS = 96
_MOST_ALTERNATIVES = 8
_DAY = 1440.0
"""Minutes."""


def _number(low: float, high: float, **more: Any) -> fields.Float:
    return fields.Float(validate=validate.Range(low, high), allow_nan=False, **more)


def _date(**more: Any) -> fields.Date:
    """Within years whose days before and after are dates too."""
    return fields.Date(validate=validate.Range(date(2000, 1, 1), date(2099, 12, 31)), **more)


def _count(low: int, high: int, **more: Any) -> fields.Integer:
    return fields.Integer(strict=True, validate=validate.Range(low, high), **more)


# --- what comes in ---------------------------------------------------------------------------------------------------


class DepartmentQuery(Schema):
    """Which department."""

    department_id = Idents.id(required=True)


class BackTestQuery(DepartmentQuery):
    """Which days, the last included."""

    date_from = _date(required=True)
    date_to = _date(required=True)

    @validates_schema
    def _in_order(self, data: dict[str, Any], **_: Any) -> None:
        days = (data["date_to"] - data["date_from"]).days + 1
        if not 1 <= days <= MOST_DAYS:
            raise ValidationError({"date_to": [f"must be from date_from on, {MOST_DAYS} days at most"]})


class SegmentSchema(Schema):
    """So many are asked to come at a time."""

    starts = _number(0, _DAY, required=True, metadata={"description": "minutes from the beginning of the session"})
    appointments = _count(0, MOST_PATIENTS, required=True)

    @post_load
    def _pair(self, data: dict[str, Any], **_: Any) -> tuple[float, int]:
        return data["starts"], data["appointments"]


def _segments(**more: Any) -> fields.List[Any]:
    return fields.List(fields.Nested(SegmentSchema), validate=validate.Length(max=_MOST_SEGMENTS), **more)


class NumbersSchema(Schema):
    """A day in numbers. Defaults are what is usual where nothing is known."""

    segments = _segments(required=True)
    minutes = _number(15, _DAY, required=True, metadata={"description": "how long the session is"})
    doctors = _count(1, MOST_DOCTORS, required=True)
    service_minutes = _number(0.5, 240, load_default=8.0, metadata={"description": "the mean, from call to call"})
    service_cv = _number(0.05, 3, load_default=0.6, metadata={"description": "standard deviation over mean"})
    no_show = _number(0, 1, load_default=0.1, metadata={"description": "the share that does not come"})
    late_minutes = _number(-240, 240, load_default=-10.0, metadata={"description": "the mean; negative: early"})
    late_spread_minutes = _number(0, 240, load_default=10.0, metadata={"description": "standard deviation"})
    walk_ins = _number(0, 120, load_default=0.5, metadata={"description": "per hour"})
    priority = _number(0, 60, load_default=0.1, metadata={"description": "per hour, unannounced"})
    emergencies = _number(0, 60, load_default=0.05, metadata={"description": "per hour"})
    discipline = fields.String(load_default="priority", validate=validate.OneOf(["fifo", "priority"]))

    @post_load
    def _numbers(self, data: dict[str, Any], **_: Any) -> Numbers:
        return Numbers(**data)


class BaseSchema(Schema):
    """A session, past or coming; or a department's on a date and in a period, as one line; or numbers."""

    session_id = Idents.id(load_default=None)
    department_id = Idents.id(load_default=None)
    date = _date(load_default=None)
    period = fields.String(load_default=None, validate=validate.OneOf(PERIODS))
    given = fields.Nested(NumbersSchema, load_default=None)

    @validates_schema
    def _one_of_three(self, data: dict[str, Any], **_: Any) -> None:
        named = [name for name in ("session_id", "department_id", "given") if data.get(name) is not None]
        if len(named) != 1:
            raise ValidationError({"session_id": ["give one of session_id, department_id and given"]})
        for name in ("date", "period"):
            if (data.get(name) is None) == (named == ["department_id"]):
                raise ValidationError({name: ["goes with department_id, and it with this"]})


class AlternativeSchema(Schema):
    """What would be otherwise. A longer session without `segments` has those of the base, stretched."""

    name = Idents.text(60, load_default="")
    doctors = _count(1, MOST_DOCTORS, load_default=None)
    minutes = _number(15, _DAY, load_default=None)
    segments = _segments(load_default=None)

    @post_load
    def _alternative(self, data: dict[str, Any], **_: Any) -> Alternative:
        return Alternative(**data)


class WhatIfSchema(Schema):
    """A question to the planner."""

    base = fields.Nested(BaseSchema, required=True)
    alternatives = fields.List(
        fields.Nested(AlternativeSchema), load_default=list, validate=validate.Length(max=_MOST_ALTERNATIVES)
    )
    target_p90 = _number(
        1,
        86_400,
        load_default=None,
        metadata={"description": "seconds: find the fewest doctors for whom P90 is below it"},
    )
    most_doctors = _count(1, MOST_DOCTORS, load_default=20)
    runs = _count(20, 1000, load_default=400)

    @post_load
    def _question(self, data: dict[str, Any], **_: Any) -> dict[str, Any]:
        asked = Question(data["alternatives"], data["target_p90"], data["most_doctors"], data["runs"])
        return {"base": data["base"], "question": asked}


# --- what comes out --------------------------------------------------------------------------------------------------


class ReasonSchema(Schema):
    """Why a wait moved. `count`: of how many, or which; null where that says nothing."""

    code = fields.String(required=True, metadata={"example": "somebody_before"})
    count = fields.Integer(required=True, allow_none=True)


class WaitMovedSchema(Schema):
    """What has become of what was told last: by how much later she is expected to be called."""

    since = fields.AwareDateTime(required=True)
    seconds = fields.Integer(required=True)
    reasons = fields.List(fields.Nested(ReasonSchema), required=True)


class CoverageSchema(Schema):
    """How often what was told at check-in held: the call came within the interval. `share`: null while there is none. Who was not
    called in time counts against it, whether she still waits or not.
    """

    department_id = fields.String(required=True)
    share = fields.Float(required=True, allow_none=True)
    count = fields.Integer(required=True)
    since = fields.AwareDateTime(required=True, allow_none=True)
    left = fields.Integer(
        required=True, metadata={"description": "besides: who went before her time was over, which says nothing"}
    )
    meant = fields.Float(required=True, metadata={"description": "the share that is aimed at"})


class ModelSchema(Schema):
    """What one model says. `refused`: why it says nothing; null if it does. Of the long run: utilisation, L, Lq, W, Wq."""

    model = fields.String(required=True, metadata={"enum": ["simulation", "mm1", "mmc", "mgc"]})
    assumes = fields.List(fields.String(), required=True)
    refused = fields.String(required=True, allow_none=True)
    expected = fields.Float(required=True, allow_none=True)
    low = fields.Float(required=True, allow_none=True)
    high = fields.Float(required=True, allow_none=True)
    utilisation = fields.Float(required=True, allow_none=True)
    L = fields.Float(required=True, allow_none=True)
    Lq = fields.Float(required=True, allow_none=True)
    W = fields.Float(required=True, allow_none=True)
    Wq = fields.Float(required=True, allow_none=True)


class WaitSchema(Schema):
    """How long until she is called: `expected`, and between `low` and `high` with a probability of 80 %."""

    visit_id = fields.String(required=True)
    queue_id = fields.String(required=True)
    ticket = fields.String(required=True)
    state = fields.String(required=True, metadata={"enum": STATES})
    at = fields.AwareDateTime(required=True, metadata={"description": "when this was so; durations count from here"})
    given = fields.String(
        required=True, metadata={"enum": ["here", "now", "in_time"], "description": "now, in_time: if she comes so"}
    )
    position = fields.Integer(required=True, allow_none=True)
    ahead = fields.Integer(required=True)
    expected = fields.Integer(required=True)
    low = fields.Integer(required=True)
    high = fields.Integer(required=True)
    expected_at = fields.AwareDateTime(required=True)
    low_at = fields.AwareDateTime(required=True)
    high_at = fields.AwareDateTime(required=True)
    moved = fields.Nested(WaitMovedSchema, required=True, allow_none=True)
    coverage = fields.Nested(CoverageSchema, required=True)
    models = fields.List(fields.Nested(ModelSchema), required=True)


class ObservedSchema(Schema):
    """What was so. Null where nobody came. A quantile is null, too, while too few were called to know it. Who comes back from an
    examination has arrived, and is called, once more.
    """

    arrived = fields.Integer(required=True)
    called = fields.Integer(required=True)
    waiting = fields.Integer(required=True)
    arrival_rate = fields.Float(required=True, allow_none=True)
    utilisation = fields.Float(required=True, allow_none=True)
    L = fields.Float(required=True, allow_none=True)
    Lq = fields.Float(required=True, allow_none=True)
    W = fields.Float(required=True, allow_none=True)
    Wq = fields.Float(required=True, allow_none=True)
    Wq_p50 = fields.Float(required=True, allow_none=True)
    Wq_p90 = fields.Float(required=True, allow_none=True)


class LoadSchema(Schema):
    """A session's load. W and Wq are seconds, from checking in."""

    session_id = fields.String(required=True)
    since = fields.AwareDateTime(required=True)
    until = fields.AwareDateTime(required=True)
    desks = fields.Integer(required=True)
    observed = fields.Nested(ObservedSchema, required=True)
    models = fields.List(fields.Nested(ModelSchema), required=True)


class OutcomeSchema(Schema):
    """A plan's figures, on an average day. Waits count from the appointment, or from coming later than that."""

    doctors = fields.Integer(required=True)
    seen = fields.Float(required=True)
    wait_mean = fields.Float(required=True, allow_none=True)
    wait_p50 = fields.Float(required=True, allow_none=True)
    wait_p90 = fields.Float(required=True, allow_none=True)
    overtime = fields.Float(required=True)
    overtime_p90 = fields.Float(required=True)
    idle = fields.Float(required=True, metadata={"description": "of one doctor"})
    utilisation = fields.Float(required=True)


class DifferenceSchema(Schema):
    """To the base, for the same patients: the mean, and its 95 % interval."""

    mean = fields.Float(required=True)
    low = fields.Float(required=True)
    high = fields.Float(required=True)


class ComparedSchema(OutcomeSchema):
    """An alternative, and what it changes in the mean."""

    name = fields.String(required=True)
    wait_change = fields.Nested(DifferenceSchema, required=True, allow_none=True)
    overtime_change = fields.Nested(DifferenceSchema, required=True)
    idle_change = fields.Nested(DifferenceSchema, required=True)


class DoctorSchema(Schema):
    """How long a doctor takes for a patient."""

    minutes = fields.Float(required=True)
    cv = fields.Float(required=True)


class StreamSchema(Schema):
    """Who comes unannounced: as if each had come `ahead` minutes earlier."""

    per_hour = fields.Float(required=True)
    ahead = fields.Float(required=True)


class UsedSchema(Schema):
    """What a plan was made of."""

    sessions = fields.List(fields.String(), required=True)
    segments = fields.List(fields.Nested(SegmentSchema), required=True)
    minutes = fields.Float(required=True)
    doctors = fields.List(fields.Nested(DoctorSchema), required=True)
    another_doctor = fields.Nested(DoctorSchema, required=True)
    no_show = fields.Float(required=True)
    late_minutes = fields.Float(required=True)
    late_spread_minutes = fields.Float(required=True)
    unannounced = fields.List(fields.Nested(StreamSchema), required=True)
    discipline = fields.String(required=True, metadata={"enum": ["fifo", "priority"]})
    learnt_from = fields.Integer(required=True, metadata={"description": "visits of the past"})


class StaffingSchema(Schema):
    """The fewest doctors whose P90 is below `target_p90`; null: `most_doctors` are not enough, `best_p90` is what they come to."""

    target_p90 = fields.Float(required=True)
    doctors = fields.Integer(required=True, allow_none=True)
    most_doctors = fields.Integer(required=True)
    best_p90 = fields.Float(required=True, allow_none=True)
    tried = fields.List(fields.Nested(OutcomeSchema), required=True)


class PlannedSchema(Schema):
    """The planner's answer."""

    runs = fields.Integer(required=True)
    used = fields.Nested(UsedSchema, required=True)
    base = fields.Nested(OutcomeSchema, required=True)
    alternatives = fields.List(fields.Nested(ComparedSchema), required=True)
    staffing = fields.Nested(StaffingSchema, required=True, allow_none=True)
    assumes = fields.List(fields.String(), required=True)


class FiguresSchema(Schema):
    """Of one session."""

    seen = fields.Float(required=True)
    wait_p90 = fields.Float(required=True)
    overtime = fields.Float(required=True)


class TestedSchema(Schema):
    """What the planner would have said, beside what happened."""

    session_id = fields.String(required=True)
    date = fields.Date(required=True)
    period = fields.String(required=True, metadata={"enum": list(PERIODS)})
    doctors = fields.Integer(required=True)
    said = fields.Nested(FiguresSchema, required=True)
    low = fields.Float(required=True, metadata={"description": "P90 was to be expected from here"})
    high = fields.Float(required=True, metadata={"description": "to here on four days of five"})
    happened = fields.Nested(FiguresSchema, required=True)


class ErrorsSchema(Schema):
    """Of what was said. `bias` is positive where too much was; `within`: the share of sessions that lay between low and high."""

    sessions = fields.Integer(required=True)
    bias = fields.Float(required=True)
    mean_absolute = fields.Float(required=True)
    within = fields.Float(required=True, allow_none=True)


class BackTestSchema(Schema):
    """Errors are null without sessions."""

    department_id = fields.String(required=True)
    sessions = fields.List(fields.Nested(TestedSchema), required=True)
    more = fields.Boolean(required=True, metadata={"description": "there were others in that time, earlier ones"})
    known = fields.List(
        fields.String(metadata={"enum": list(KNOWN)}),
        required=True,
        metadata={
            "description": "what of each day itself was taken as known before it; the rest is of the days before"
        },
    )
    seen = fields.Nested(ErrorsSchema, required=True, allow_none=True)
    wait_p90 = fields.Nested(ErrorsSchema, required=True, allow_none=True)
    overtime = fields.Nested(ErrorsSchema, required=True, allow_none=True)
