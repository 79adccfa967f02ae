"""The trail of security-relevant acts, for operators; a hospital's administrators see its own."""

from datetime import UTC, datetime
from typing import Any

from common.clock import local
from common.jsons import decode
from common.web import Idents, Paged, Routes, Schema, page_of, principal, roles
from common.web.client import client_address
from marshmallow import fields, validate

from user_svc import domain
from user_svc.api.parts import database
from user_svc.usecases import chain
from user_svc.usecases import trail as usecases

blp = Routes(
    "trail", __name__, url_prefix="/api/v1", description="Security-relevant acts, in a chain that shows changes"
)

_SANE = validate.Range(datetime(2000, 1, 1, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC))


class TrailQuery(Paged):
    sort_kinds = (int,)

    account_id = Idents.id(load_default=None, metadata={"description": "whose acts, or about whom"})
    act = fields.String(
        load_default=None, validate=validate.Regexp(r"[a-z_]{1,50}\Z"), metadata={"example": "login_failed"}
    )
    first = fields.AwareDateTime(data_key="from", load_default=None, validate=_SANE)
    last = fields.AwareDateTime(
        data_key="to", load_default=None, validate=_SANE, metadata={"description": "not included"}
    )


class ActOut(Schema):
    id = fields.Integer(required=True)
    at = fields.AwareDateTime(required=True)
    act = fields.String(required=True, metadata={"example": "password_changed"})
    actor = fields.String(required=True, allow_none=True, metadata={"description": "whose account did it"})
    about = fields.String(required=True, allow_none=True, metadata={"description": "to whose account it was done"})
    hospital_id = fields.String(required=True, allow_none=True)
    network = fields.String(required=True, metadata={"description": "/24 or /48", "example": "203.0.113.0/24"})
    facts = fields.Dict(required=True)
    place = fields.Integer(required=True, allow_none=True, metadata={"description": "in the chain, soon after"})
    digest = fields.String(required=True, allow_none=True)


class ActsOut(Schema):
    items = fields.List(fields.Nested(ActOut), required=True)
    next_cursor = fields.String(required=True, allow_none=True)


class TrailStateOut(Schema):
    length = fields.Integer(required=True)
    head = fields.String(required=True, metadata={"description": "the newest digest: keep it elsewhere"})
    loose = fields.Integer(required=True, metadata={"description": "acts that are not in the chain yet"})
    loose_seconds = fields.Float(
        required=True, allow_none=True, metadata={"description": "the age of the oldest of them"}
    )


@blp.get("/trail")
@roles(domain.OPERATOR, domain.HOSPITAL_ADMIN)
@blp.arguments(TrailQuery, location="query")
@blp.response(200, ActsOut)
def read_trail(query: dict[str, Any]) -> dict[str, Any]:
    """What was done to accounts, the newest first. Administrators of a hospital see what concerns its staff. Reading is noted too."""
    caller, cursor, limit = principal(), query.pop("cursor"), query.pop("limit")
    found = usecases.read(
        database(),
        reader=caller.account_id,
        hospital_id=None if caller.has(domain.OPERATOR) else caller.hospital_id,
        before=cursor[0] if cursor else None,
        limit=limit + 1,
        **query,
    )
    return page_of(found, limit, lambda row: [row.id], _show)


@blp.get("/trail/state")
@roles(domain.OPERATOR)
@blp.response(200, TrailStateOut)
def show_state() -> dict[str, Any]:
    """How the chain stands. A head that was kept elsewhere shows later that its end was not cut off."""
    stands = chain.state(database())
    return {
        "length": stands.length,
        "head": stands.head,
        "loose": stands.loose,
        "loose_seconds": stands.loose_seconds,
    }


@blp.before_app_request  # type: ignore[untyped-decorator]
def _whence() -> None:
    """What this request does is noted with the network that it came from."""
    usecases.network.set(usecases.network_of(client_address()))


def _show(row: Any) -> dict[str, Any]:
    shown = {
        name: getattr(row, name)
        for name in ("id", "act", "actor", "about", "hospital_id", "network", "place", "digest")
    }
    return {**shown, "at": local(row.at), "facts": decode(row.facts.encode())}
