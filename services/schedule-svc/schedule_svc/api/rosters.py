"""Hospitals' rosters over HTTP: the same intake as by AMQP, the log of all inputs, and the format's JSON Schemas."""

import functools
import json
from collections.abc import Callable
from typing import Any, TypeVar

from common.errors import Forbidden, Invalid, NotFound
from common.web import Routes, answer, page_of, principal, public, repeatable, roles, service
from flask import Response, request
from haoyuan_roster_format import decode
from haoyuan_roster_format import schemas as formats

from schedule_svc.api import schemas
from schedule_svc.api.show import show_roster
from schedule_svc.api.staff import own_hospital, publisher
from schedule_svc.store import rosters as store
from schedule_svc.usecases import rosters

LONGEST_ROSTER = 16 * 1024 * 1024
FORMATS = {name: formats.schema(name) for name in formats.names()}

View = TypeVar("View", bound=Callable[..., Any])

blp = Routes("rosters", __name__, url_prefix="/api/v1", description="Rosters: uploads, their log, their format")


def _long_body(view: View) -> View:
    """A roster may be longer than other requests."""

    @functools.wraps(view)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        request.max_content_length = LONGEST_ROSTER
        return view(*args, **kwargs)

    return wrapper  # type: ignore[return-value]


def _document() -> dict[str, Any]:
    """The body; its bytes are let go. Raises Invalid, also for what is not UTF-8."""
    data = request.get_data(cache=False)
    if data and not request.is_json and request.mimetype != "application/cloudevents+json":
        raise Invalid("send a JSON body", errors=[{"field": "Content-Type", "message": "must be application/json"}])
    document, notes = decode(data or b"{}")
    if notes:
        code = "bad_json" if notes[0].code == "invalid" else notes[0].code
        raise Invalid(
            f"the body {notes[0].message}", code=code, errors=[{"field": "body", "message": notes[0].message}]
        )
    if not isinstance(document, dict):
        raise Invalid("the body is no object", errors=[{"field": "body", "message": "must be a JSON object"}])
    return document


@blp.post("/rosters")
@roles("registrar", "hospital_admin", "operator")
@_long_body
@repeatable
@blp.doc(requestBody={"required": True, "content": {"application/json": {"schema": schemas.Roster}}})  # type: ignore[untyped-decorator]
@blp.response(200, schemas.RosterSummary)
def upload_roster() -> dict[str, Any]:
    """Take in a roster, or any roster event as a CloudEvent, row by row: `rows` says what is wrong with single ones. The same
    again changes nothing. 422 `bad_encoding`: the body is not UTF-8.
    """
    return rosters.apply_roster(service().database.transaction, _document(), publisher())


@blp.get("/rosters")
@roles("registrar", "hospital_admin", "operator")
@blp.arguments(schemas.RosterQuery, location="query")
@blp.response(200, schemas.RosterPage)
def logged_rosters(query: dict[str, Any]) -> dict[str, Any]:
    """What a hospital has sent and what came of it, newest first, without the rows."""
    hospital_id = own_hospital(query.get("hospital_id"))
    with service().database.reading() as conn:
        rows = store.page_of_rosters(conn, hospital_id, query["cursor"], query["limit"] + 1)
    return page_of(rows, query["limit"], lambda row: [row.received_at, row.id], show_roster)


@blp.get("/rosters/<roster_id>")
@roles("registrar", "hospital_admin", "operator")
@blp.response(200, schemas.LoggedRoster)
def logged_roster(roster_id: str) -> dict[str, Any]:
    """One input, with what was said of its rows."""
    with service().database.reading() as conn:
        row = store.roster_by_id(conn, roster_id)
    if row is None or not _may_see(row.hospital_id):
        raise NotFound("there is no such roster", code="roster_not_found")
    return show_roster(row) | {"rows": json.loads(row.rows)}


def _may_see(hospital_id: str) -> bool:
    try:
        principal().require_hospital(hospital_id)
    except Forbidden:
        return False
    return True


@blp.get("/rosters/schemas/")
@public
@blp.response(200, schemas.SchemaNames)
def roster_schemas() -> dict[str, Any]:
    """The names of the JSON Schemas: of each roster event, and of the result."""
    return {"items": list(FORMATS)}


@blp.get("/rosters/schemas/<name>")
@public
@blp.response(200)
def roster_schema(name: str) -> Response:
    """The JSON Schema (draft 2020-12) of one event."""
    if name not in FORMATS:
        raise NotFound("there is no such schema", code="schema_not_found")
    response = answer(FORMATS[name], Cache_Control="public, max-age=3600")
    response.content_type = "application/schema+json"
    return response
