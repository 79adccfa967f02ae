"""Who works at a hospital, and as what."""

from typing import Any

from common.web import Idents, Paged, Routes, Schema, page_of, principal, roles
from marshmallow import ValidationError, fields, validate, validates_schema

from user_svc import domain
from user_svc.api.parts import database, parts
from user_svc.domain import Account, username_key
from user_svc.usecases import staff as usecases

blp = Routes("staff", __name__, url_prefix="/api/v1", description="Roles, and who has them at a hospital")

STAFF_ROLES = tuple(role for role in domain.ROLES if role in domain.HOSPITAL_STAFF)


def _roles(names: tuple[str, ...], fewest: int) -> "fields.List[Any]":
    each = fields.String(validate=validate.OneOf(names))
    return fields.List(each, required=True, validate=validate.Length(fewest, 10))


class RolesIn(Schema):
    roles = _roles(domain.ROLES, 0)
    hospital_id = Idents.id(load_default=None, allow_none=True)
    doctor_id = Idents.id(load_default=None, allow_none=True)


class StaffIn(Schema):
    username = Idents.text(200, required=True)
    roles = _roles(STAFF_ROLES, 1)
    doctor_id = Idents.id(load_default=None, allow_none=True, metadata={"description": "of doctors: who they are"})
    hospital_id = Idents.id(load_default=None, allow_none=True, metadata={"description": "operators must say which"})
    password = fields.String(
        load_only=True,
        validate=validate.Length(1, domain.LONGEST_PASSWORD),
        metadata={"description": "of a board, whose account is made"},
    )

    @validates_schema
    def _boards(self, data: dict[str, Any], **_: Any) -> None:
        """Nobody else's password is given here."""
        if ("password" in data) != (domain.BOARD in data["roles"]):
            raise ValidationError({"password": ["boards need one, and nobody else"]})
        if domain.BOARD in data["roles"] and (set(data["roles"]) != {domain.BOARD} or data["doctor_id"]):
            raise ValidationError({"roles": ["a board is a screen on a wall, and nothing else"]})


class StaffQuery(Paged):
    hospital_id = Idents.id(load_default=None, metadata={"description": "operators must say which"})


class StaffOut(Schema):
    id = fields.String(required=True)
    username = fields.String(required=True)
    roles = fields.List(fields.String(validate=validate.OneOf(domain.ROLES)), required=True)
    hospital_id = fields.String(required=True, allow_none=True)
    doctor_id = fields.String(required=True, allow_none=True)


class StaffPage(Schema):
    items = fields.List(fields.Nested(StaffOut), required=True)
    next_cursor = fields.String(required=True, allow_none=True)


@blp.get("/staff")
@roles(domain.HOSPITAL_ADMIN, domain.OPERATOR)
@blp.arguments(StaffQuery, location="query")
@blp.response(200, StaffPage)
def list_staff(query: dict[str, Any]) -> dict[str, Any]:
    """Who works at a hospital, by their names: administrators see their own, operators the one that they name."""
    after = query["cursor"][0] if query["cursor"] else None
    found = usecases.list_staff(database(), parts(), _giver(), query["hospital_id"], after, query["limit"] + 1)
    return page_of(found, query["limit"], lambda account: [username_key(account.username)], _show)


@blp.post("/staff")
@roles(domain.HOSPITAL_ADMIN, domain.OPERATOR)
@blp.arguments(StaffIn)
@blp.response(200, StaffOut)
def add_staff(body: dict[str, Any]) -> dict[str, Any]:
    """Give an account these roles at the hospital, in place of those that it has there; doctors need a `doctor_id`.

    They take effect with the next access token, and the person is told. 404 `account_not_found`; 409 `staff_elsewhere` for who
    works for another hospital or is an operator, `own_role` for an administrator who would stop being one.

    `board`, a screen on a wall, is a new account, of this `username` and `password`, which shows queues and does nothing else. 409
    `username_taken`: nobody's account becomes a screen; `board_account`: and a screen's becomes nobody's.
    """
    if domain.BOARD in body["roles"]:
        made = {name: body[name] for name in ("username", "password", "hospital_id")}
        return _show(usecases.add_board(database(), parts(), _giver(), **made))
    return _show(usecases.add_staff(database(), parts(), _giver(), **body))


@blp.delete("/staff/<account_id>")
@roles(domain.HOSPITAL_ADMIN, domain.OPERATOR)
@blp.response(204)
def remove_staff(account_id: str) -> None:
    """Take all of an account's roles at its hospital away; a board's account ends. 404 `account_not_found` for who does not work
    there, 409 `own_role`.

    What the account may do ends with its access token, a quarter of an hour later.
    """
    usecases.remove_staff(database(), parts(), _giver(), account_id)


@blp.post("/users/<account_id>/roles")
@roles(domain.OPERATOR)
@blp.arguments(RolesIn)
@blp.response(200, StaffOut)
def set_roles(body: dict[str, Any], account_id: str) -> dict[str, Any]:
    """Give an account these roles in place of all that it has. Staff of a hospital need a `hospital_id`, doctors a `doctor_id`.

    They take effect with the next access token, and the person is told. 409 `own_role` for an operator who would stop being
    one: somebody else has to do that, so that the last one cannot lock the door from outside; `board_account`: boards are made by
    POST /staff.
    """
    return _show(usecases.set_roles(database(), parts(), _giver(), account_id, **body))


def _giver() -> usecases.Giver:
    caller = principal()
    return usecases.Giver(caller.account_id, None if caller.has(domain.OPERATOR) else caller.hospital_id)


def _show(account: Account) -> dict[str, Any]:
    return {
        "id": account.id,
        "username": account.username,
        "roles": list(account.roles),
        "hospital_id": account.hospital_id,
        "doctor_id": account.doctor_id,
    }
