"""The people one books for (就诊人)."""

from typing import Any

from common.clock import local
from common.web import Idents, Routes, Schema, answer, idempotent, principal, roles
from flask import Response
from marshmallow import fields, validate

from user_svc import domain, identity, usecases
from user_svc.api.parts import MASKED, database, parts
from user_svc.domain import Patient

blp = Routes("patients", __name__, url_prefix="/api/v1", description="The people one books for")


class NewPatient(Schema):
    name = Idents.text(100, required=True)
    id_type = fields.String(required=True, validate=validate.OneOf(identity.ID_TYPES))
    id_number = Idents.text(40, required=True)
    phone = Idents.text(30, required=True)


class PatientChange(Schema):
    name = Idents.text(100)
    phone = Idents.text(30)


class PatientOut(Schema):
    id = fields.String(required=True)
    name = fields.String(required=True, metadata={"description": MASKED, "example": "张*"})
    id_type = fields.String(required=True, validate=validate.OneOf(identity.ID_TYPES))
    id_number = fields.String(required=True, metadata={"description": MASKED, "example": "1101**********1234"})
    phone = fields.String(required=True, metadata={"description": MASKED, "example": "138****5678"})
    revision = fields.Integer(required=True, metadata={"description": "grows with each change"})
    created_at = fields.AwareDateTime(required=True)


class PatientsOut(Schema):
    items = fields.List(fields.Nested(PatientOut), required=True)
    next_cursor = fields.String(required=True, allow_none=True)


@blp.get("/users/me/patients")
@roles(*domain.ROLES)
@blp.response(200, PatientsOut)
def list_patients() -> dict[str, Any]:
    """The people that one may book for: four at most, so there is one page only."""
    people = usecases.list_patients(database(), parts(), principal().account_id)
    return {"items": [_show_patient(person) for person in people], "next_cursor": None}


@blp.post("/users/me/patients")
@roles(*domain.ROLES)
@idempotent
@blp.arguments(NewPatient)
@blp.response(201, PatientOut)
def add_patient(body: dict[str, Any]) -> Response:
    """Add a person to book for. 409 `too_many_patients` after four, `patient_exists` for one who is there already."""
    person = usecases.add_patient(database(), parts(), principal().account_id, **body)
    return answer(_show_patient(person), 201, Location=f"/api/v1/users/me/patients/{person.id}")


@blp.patch("/users/me/patients/<patient_id>")
@roles(*domain.ROLES)
@blp.arguments(PatientChange)
@blp.response(200, PatientOut)
def change_patient(body: dict[str, Any], patient_id: str) -> dict[str, Any]:
    """Correct a person's name or phone number. Another document is another person: remove this one and add that one."""
    return _show_patient(usecases.change_patient(database(), parts(), principal().account_id, patient_id, **body))


@blp.delete("/users/me/patients/<patient_id>")
@roles(*domain.ROLES)
@blp.response(204)
def remove_patient(patient_id: str) -> None:
    """Take a person out of the list. What was booked for them stays."""
    usecases.remove_patient(database(), parts(), principal().account_id, patient_id)


def _show_patient(patient: Patient) -> dict[str, Any]:
    return {
        "id": patient.id,
        "name": identity.mask_name(patient.name),
        "id_type": patient.id_type,
        "id_number": identity.mask_id_number(patient.id_number),
        "phone": identity.mask_phone(patient.phone),
        "revision": patient.revision,
        "created_at": local(patient.created_at),
    }
