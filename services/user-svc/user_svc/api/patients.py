"""The people one books for (就诊人)."""

from typing import Any

from common.clock import SHANGHAI, local
from common.web import Idents, Routes, Schema, answer, idempotent, principal, roles
from flask import Response
from marshmallow import fields, validate

from user_svc import domain, identity, usecases
from user_svc.api.parts import MASKED, database, parts
from user_svc.domain import Patient

blp = Routes("patients", __name__, url_prefix="/api/v1", description="The people one books for")


_SEX = validate.OneOf(domain.SEXES)
_AGREES = {"description": "must agree with the document's number, where that tells it"}
_BORN = {"description": f"{_AGREES['description']}; without it, she counts as a grown-up", "example": "1990-03-07"}
_GUARDIAN = {"description": f"of a child under {domain.CHILD}: a grown-up in the same list"}


class NewPatient(Schema):
    name = Idents.text(100, required=True)
    id_type = fields.String(required=True, validate=validate.OneOf(identity.ID_TYPES))
    id_number = Idents.text(40, required=True)
    phone = Idents.text(30, required=True)
    birth_date = fields.Date(load_default=None, allow_none=True, metadata=_BORN)
    sex = fields.String(load_default=None, allow_none=True, validate=_SEX, metadata=_AGREES)
    guardian_id = Idents.id(load_default=None, allow_none=True, metadata=_GUARDIAN)


class PatientChange(Schema):
    name = Idents.text(100)
    phone = Idents.text(30)
    birth_date = fields.Date(metadata=_BORN)
    sex = fields.String(validate=_SEX, metadata=_AGREES)
    guardian_id = Idents.id(allow_none=True, metadata=_GUARDIAN)


class PatientOut(Schema):
    id = fields.String(required=True)
    name = fields.String(required=True, metadata={"description": MASKED, "example": "张*"})
    id_type = fields.String(required=True, validate=validate.OneOf(identity.ID_TYPES))
    id_number = fields.String(required=True, metadata={"description": MASKED, "example": "1101**********1234"})
    phone = fields.String(required=True, metadata={"description": MASKED, "example": "138****5678"})
    age = fields.Integer(required=True, allow_none=True, metadata={"description": "in years, today in Beijing"})
    sex = fields.String(required=True, allow_none=True, validate=_SEX)
    guardian_id = fields.String(required=True, allow_none=True, metadata=_GUARDIAN)
    revision = fields.Integer(required=True, metadata={"description": "grows with each change"})
    created_at = fields.AwareDateTime(required=True)


class PatientsOut(Schema):
    items = fields.List(fields.Nested(PatientOut), required=True)
    next_cursor = fields.String(required=True, allow_none=True)


@blp.get("/users/me/patients")
@roles(*domain.PEOPLE)
@blp.response(200, PatientsOut)
def list_patients() -> dict[str, Any]:
    """The people that one may book for: four at most, so there is one page only."""
    people = usecases.list_patients(database(), parts(), principal().account_id)
    return {"items": [_show_patient(person) for person in people], "next_cursor": None}


@blp.post("/users/me/patients")
@roles(*domain.PEOPLE)
@idempotent
@blp.arguments(NewPatient)
@blp.response(201, PatientOut)
def add_patient(body: dict[str, Any]) -> Response:
    """Add a person to book for. 409 `too_many_patients` after four, `patient_exists` for one who is there already,
    `too_many_changes` after twelve different people within 365 days.

    A resident ID's number, and a residence permit's, tell when she was born and her sex; for a passport `birth_date` says whether
    she is a child. Who is under 14 needs a guardian.
    """
    person = usecases.add_patient(database(), parts(), principal().account_id, **body)
    return answer(_show_patient(person), 201, Location=f"/api/v1/users/me/patients/{person.id}")


@blp.patch("/users/me/patients/<patient_id>")
@roles(*domain.PEOPLE)
@blp.arguments(PatientChange)
@blp.response(200, PatientOut)
def change_patient(body: dict[str, Any], patient_id: str) -> dict[str, Any]:
    """Correct what is known of a person. Another document is another person: remove this one and add that one.

    409 `guardian_of` for one who would be too young for the child that she answers for.
    """
    return _show_patient(usecases.change_patient(database(), parts(), principal().account_id, patient_id, **body))


@blp.delete("/users/me/patients/<patient_id>")
@roles(*domain.PEOPLE)
@blp.response(204)
def remove_patient(patient_id: str) -> None:
    """Take a person out of the list. What was booked for them stays. 409 `guardian_of` while a child depends on her."""
    usecases.remove_patient(database(), parts(), principal().account_id, patient_id)


def _show_patient(patient: Patient) -> dict[str, Any]:
    today = database().clock().astimezone(SHANGHAI).date()
    return {
        "id": patient.id,
        "name": identity.mask_name(patient.name),
        "id_type": patient.id_type,
        "id_number": identity.mask_id_number(patient.id_number),
        "phone": identity.mask_phone(patient.phone),
        "age": None if patient.born is None else domain.age(patient.born, today),
        "sex": patient.sex,
        "guardian_id": patient.guardian_id,
        "revision": patient.revision,
        "created_at": local(patient.created_at),
    }
