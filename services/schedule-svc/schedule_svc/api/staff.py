"""What staff do: publish sessions and rosters, stop a session (停诊), add numbers (加号)."""

import functools
from collections.abc import Callable
from typing import Any, TypeVar

from common.web import Routes, answer, idempotent, principal, roles, service
from flask import Response, request

from schedule_svc.api import schemas
from schedule_svc.api.show import show_session
from schedule_svc.store.browse import session_by_id
from schedule_svc.usecases import rosters
from schedule_svc.usecases import sessions as usecases

LONGEST_ROSTER = 16 * 1024 * 1024

View = TypeVar("View", bound=Callable[..., Any])

blp = Routes("staff", __name__, url_prefix="/api/v1", description="For registrars of a hospital, and operators")


def _publisher() -> rosters.Publisher:
    caller = principal()
    return rosters.Publisher(caller.account_id, None if caller.has("operator") else caller.hospital_id)


def _long_body(view: View) -> View:
    """A roster may be longer than other requests."""

    @functools.wraps(view)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        request.max_content_length = LONGEST_ROSTER
        return view(*args, **kwargs)

    return wrapper  # type: ignore[return-value]


def _shown(tx: Any, session_id: str) -> dict[str, Any]:
    found = session_by_id(tx.conn, session_id, tx.now)
    if found is None:
        raise LookupError(f"session {session_id} has gone")
    return show_session(found, tx.now)


@blp.post("/sessions")
@roles("registrar", "operator")
@idempotent
@blp.arguments(schemas.PublishSession)
@blp.response(201, schemas.Session)
def publish_session(body: dict[str, Any]) -> Response:
    """Publish one session; publish it again under its `code` with a greater `version` to change it."""
    with service().database.transaction() as tx:
        session_id = rosters.publish_session(tx, body, _publisher())
        shown = _shown(tx, session_id)
    return answer(shown, 201, Location=f"/api/v1/sessions/{session_id}")


@blp.post("/sessions/<session_id>/stop")
@roles("registrar", "operator")
@idempotent
@blp.arguments(schemas.StopSession)
@blp.response(200, schemas.Session)
def stop_session(body: dict[str, Any], session_id: str) -> dict[str, Any]:
    """停诊: nothing more is sold; every order of the session is cancelled and refunded. Done again, it changes nothing."""
    with service().database.transaction() as tx:
        usecases.stop(tx, session_id, body["reason"], principal().require_hospital)
        return _shown(tx, session_id)


@blp.post("/sessions/<session_id>/slots")
@roles("registrar", "operator")
@idempotent
@blp.arguments(schemas.AddNumbers)
@blp.response(201, schemas.Session)
def add_numbers(body: dict[str, Any], session_id: str) -> dict[str, Any]:
    """加号: more numbers in one slot than the roster plans. Who waits gets them first."""
    with service().database.transaction() as tx:
        usecases.add_numbers(tx, session_id, body["slot_id"], body["extra"], principal().require_hospital)
        return _shown(tx, session_id)


@blp.post("/rosters")
@roles("registrar", "operator")
@_long_body
@idempotent
@blp.arguments(schemas.Roster)
@blp.response(200, schemas.RosterSummary)
def upload_roster(body: dict[str, Any]) -> dict[str, Any]:
    """Take in a roster, row by row: `rows` says what is wrong with single ones. The same roster again changes nothing."""
    with service().database.transaction() as tx:
        return rosters.apply_roster(tx, body, _publisher())
