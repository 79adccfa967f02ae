"""Patients' credit: each mark with its evidence, its expiry and its appeal; verdicts by the hospital's staff."""

from datetime import datetime
from typing import Any

from common.clock import SHANGHAI, local
from common.outbox import Database
from common.web import Paged, Routes, Schema, answer, page_of, principal, roles, service
from flask import Response
from marshmallow import ValidationError, fields, validate

from user_svc import domain
from user_svc.credit import LONGEST_REASON, Mark, evidence
from user_svc.usecases import Parts
from user_svc.usecases import credit as usecases

blp = Routes("credit", __name__, url_prefix="/api/v1", description="Missed visits and late cancellations, and appeals")

_KINDS = validate.OneOf(["no_show", "late_cancel"])
_STATES = validate.OneOf(["standing", "lifted", "expired"])


class EvidenceOut(Schema):
    order_id = fields.String(required=True)
    session_id = fields.String(required=True)
    hospital_id = fields.String(required=True)
    visit_at = fields.AwareDateTime(required=True)
    noted_by = fields.String(
        required=True,
        validate=validate.OneOf(["hospital", "patient"]),
        metadata={"description": "staff of the hospital, or the patient's own cancellation"},
    )
    zh = fields.String(required=True, data_key="zh-CN")
    en = fields.String(required=True)


class AppealOut(Schema):
    state = fields.String(required=True, validate=validate.OneOf(["none", "open", "lifted", "upheld"]))
    reason = fields.String(required=True, allow_none=True)
    appealed_at = fields.AwareDateTime(required=True, allow_none=True)
    verdict_reason = fields.String(required=True, allow_none=True)
    decided_at = fields.AwareDateTime(required=True, allow_none=True)


class MarkOut(Schema):
    id = fields.String(required=True)
    patient_id = fields.String(required=True)
    kind = fields.String(required=True, validate=_KINDS)
    state = fields.String(required=True, validate=_STATES)
    at = fields.AwareDateTime(required=True)
    expires_at = fields.AwareDateTime(required=True)
    notice_hours = fields.Integer(
        required=True, allow_none=True, metadata={"description": "of late_cancel: whole hours before the visit"}
    )
    evidence = fields.Nested(EvidenceOut, required=True)
    appeal = fields.Nested(AppealOut, required=True)


class ElsewhereOut(Schema):
    """A mark of another account that has the same person in its list: that it counts, and until when."""

    expires_on = fields.Date(required=True)


class MarksOut(Schema):
    items = fields.List(fields.Nested(MarkOut), required=True)
    elsewhere = fields.List(fields.Nested(ElsewhereOut), required=True)
    next_cursor = fields.String(required=True, allow_none=True)


def _says_something(reason: str) -> None:
    """A mark can be appealed once: that is not to be used up by blanks, or by characters that nobody sees."""
    if not any(c.isprintable() and not c.isspace() for c in reason):
        raise ValidationError("says nothing")


def _reason() -> fields.String:
    return fields.String(required=True, validate=[validate.Length(min=1, max=LONGEST_REASON), _says_something])


class StaffEvidenceOut(EvidenceOut):
    marked_by = fields.String(
        required=True, allow_none=True, metadata={"description": "the account of the member of staff; null: herself"}
    )


class StaffMarkOut(MarkOut):
    """What the hospital's staff see of a mark: who of them noted it, too. Patients are not told that."""

    evidence = fields.Nested(StaffEvidenceOut, required=True)


class StaffMarksOut(Schema):
    items = fields.List(fields.Nested(StaffMarkOut), required=True)
    next_cursor = fields.String(required=True, allow_none=True)


class AppealIn(Schema):
    reason = _reason()


class VerdictIn(Schema):
    verdict = fields.String(required=True, validate=validate.OneOf(["lifted", "upheld"]))
    reason = _reason()


class AppealQuery(Paged):
    """In the order of appealing."""

    sort_kinds = (datetime, str)


@blp.get("/users/me/patients/<patient_id>/credit")
@roles(*domain.PEOPLE)
@blp.response(200, MarksOut)
def show_credit(patient_id: str) -> dict[str, Any]:
    """Everything that was ever marked against a person of one's own, the newest first. 404 `patient_not_found`.

    What follows from it is each hospital's rule: `GET /hospitals/{id}/rules`. `elsewhere` are the standing marks against the
    same person by other accounts: they count too, and the account that they came by can appeal them.
    """
    credit = usecases.credit_of(_database(), _parts(), principal().account_id, patient_id)
    return {
        "items": [show_mark(mark) for mark in credit.own],
        "elsewhere": [show_elsewhere(mark) for mark in credit.elsewhere],
        "next_cursor": None,
    }


@blp.post("/users/me/patients/<patient_id>/credit/<mark_id>/appeal")
@roles(*domain.PEOPLE)
@blp.arguments(AppealIn)
@blp.response(201, MarkOut)
def appeal(body: dict[str, Any], patient_id: str, mark_id: str) -> Response:
    """Appeal a mark, once; the same again answers the same. 404 `mark_not_found`, 409 `appeal_exists`, `mark_expired`."""
    mark = usecases.appeal(_database(), _parts(), principal().account_id, patient_id, mark_id, body["reason"])
    return answer(show_mark(mark), 201, Location=f"/api/v1/users/me/patients/{patient_id}/credit")


@blp.get("/credit/appeals")
@roles(domain.REGISTRAR, domain.HOSPITAL_ADMIN, domain.OPERATOR)
@blp.arguments(AppealQuery, location="query")
@blp.response(200, StaffMarksOut)
def list_appeals(query: dict[str, Any]) -> dict[str, Any]:
    """Appeals that wait for a verdict: staff see those of their hospital, operators all."""
    found = usecases.open_appeals(_database(), _parts(), _whose(), query["cursor"], query["limit"] + 1)
    return page_of(found, query["limit"], lambda mark: [mark.appealed_at, mark.id], _show_to_staff)


@blp.post("/credit/appeals/<mark_id>")
@roles(domain.REGISTRAR, domain.HOSPITAL_ADMIN, domain.OPERATOR)
@blp.arguments(VerdictIn)
@blp.response(200, StaffMarkOut)
def decide(body: dict[str, Any], mark_id: str) -> dict[str, Any]:
    """Decide an appeal: a lifted mark no longer counts, one that is upheld stands for good. The same again answers the same.

    404 `mark_not_found`, 409 `no_open_appeal`.
    """
    mark = usecases.decide(
        _database(), _parts(), mark_id, account_id=principal().account_id, hospital_id=_whose(), **body
    )
    return _show_to_staff(mark)


def _whose() -> str | None:
    """The hospital whose appeals the caller may see; None: all."""
    caller = principal()
    return None if caller.has(domain.OPERATOR) else caller.hospital_id


def show_mark(mark: Mark) -> dict[str, Any]:
    return {
        "id": mark.id,
        "patient_id": mark.patient_id,
        "kind": mark.kind,
        "state": mark.state(_database().clock()),
        "at": local(mark.at),
        "expires_at": local(mark.expires_at),
        "notice_hours": mark.notice_hours,
        "evidence": {
            "order_id": mark.order_id,
            "session_id": mark.session_id,
            "hospital_id": mark.hospital_id,
            "visit_at": local(mark.visit.starts_at),
            "noted_by": "patient" if mark.marked_by is None else "hospital",
            **evidence(mark),
        },
        "appeal": {
            "state": mark.appeal,
            "reason": mark.appeal_reason,
            "appealed_at": local(mark.appealed_at),
            "verdict_reason": mark.verdict_reason,
            "decided_at": local(mark.decided_at),
        },
    }


def show_elsewhere(mark: Mark) -> dict[str, Any]:
    """What happened, and when, is another account's."""
    return {"expires_on": mark.expires_at.astimezone(SHANGHAI).date().isoformat()}


def _show_to_staff(mark: Mark) -> dict[str, Any]:
    shown = show_mark(mark)
    shown["evidence"]["marked_by"] = mark.marked_by
    return shown


def _database() -> Database:
    return service().database  # type: ignore[no-any-return]


def _parts() -> Parts:
    return service().parts  # type: ignore[no-any-return]
