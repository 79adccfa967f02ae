"""What staff do to a session: publish it, stop it (停诊) and resume it, add numbers (加号)."""

from typing import Any

from common.errors import Invalid
from common.web import Routes, answer, idempotent, page_of, principal, roles, service
from flask import Response

from schedule_svc.api import schemas
from schedule_svc.api.show import show_draft, show_session
from schedule_svc.store.browse import page_of_drafts, session_by_id
from schedule_svc.usecases import rosters
from schedule_svc.usecases import sessions as usecases

blp = Routes(
    "staff", __name__, url_prefix="/api/v1", description="For a hospital's registrars and administrators, and operators"
)


def publisher() -> rosters.Publisher:
    """The caller, as one who publishes."""
    caller = principal()
    return rosters.Publisher(caller.account_id, None if caller.has("operator") else caller.hospital_id)


def own_hospital(named: str | None) -> str:
    """The hospital that a query names, or the caller's own. Raises Invalid, Forbidden."""
    hospital_id = named or principal().hospital_id
    if not hospital_id:
        raise Invalid("which hospital?", errors=[{"field": "hospital_id", "message": "is missing"}])
    principal().require_hospital(hospital_id)
    return hospital_id


def _shown(tx: Any, session_id: str) -> dict[str, Any]:
    found = session_by_id(tx.conn, session_id, tx.now)
    if found is None:
        raise LookupError(f"session {session_id} has gone")
    return show_session(found, tx.now)


@blp.post("/sessions")
@roles("registrar", "hospital_admin", "operator")
@idempotent
@blp.arguments(schemas.PublishSession)
@blp.response(201, schemas.Session)
def publish_session(body: dict[str, Any]) -> Response:
    """Publish one session; publish it again under its `code` with a greater `version` to change it."""
    with service().database.transaction() as tx:
        session_id = rosters.publish_session(tx, body, publisher())
        shown = _shown(tx, session_id)
    return answer(shown, 201, Location=f"/api/v1/sessions/{session_id}")


@blp.get("/sessions/drafts")
@roles("registrar", "hospital_admin", "operator")
@blp.arguments(schemas.DraftQuery, location="query")
@blp.response(200, schemas.DraftPage)
def drafts(query: dict[str, Any]) -> dict[str, Any]:
    """A hospital's sessions that are not public yet, by time, as they were sent last; without those that are over."""
    hospital_id = own_hospital(query.get("hospital_id"))
    database = service().database
    with database.reading() as conn:
        found = page_of_drafts(
            conn, hospital_id, query.get("code"), query["cursor"], query["limit"] + 1, database.clock()
        )
    return page_of(found, query["limit"], lambda one: [one[0].starts_at, one[0].id], lambda one: show_draft(*one))


@blp.post("/sessions/<session_id>/stop")
@roles("registrar", "hospital_admin", "operator")
@idempotent
@blp.arguments(schemas.StopSession)
@blp.response(200, schemas.Session)
def stop_session(body: dict[str, Any], session_id: str) -> dict[str, Any]:
    """停诊: nothing more is sold; every order of the session is cancelled and refunded. Done again, it changes nothing."""
    with service().database.transaction() as tx:
        usecases.stop(tx, session_id, body["reason"], principal().require_hospital)
        return _shown(tx, session_id)


@blp.post("/sessions/<session_id>/resume")
@roles("registrar", "hospital_admin", "operator")
@idempotent
@blp.response(200, schemas.Session)
def resume_session(session_id: str) -> dict[str, Any]:
    """Take back the stop: the session takes place after all, as soon as every order of it has ended. Done again, it changes
    nothing. 409 `stopped_by_hospital`: the hospital's own system stopped it, and alone can take that back.
    """
    with service().database.transaction() as tx:
        usecases.resume(tx, session_id, principal().require_hospital)
        return _shown(tx, session_id)


@blp.post("/sessions/<session_id>/slots")
@roles("registrar", "hospital_admin", "operator")
@idempotent
@blp.arguments(schemas.AddNumbers)
@blp.response(201, schemas.Session)
def add_numbers(body: dict[str, Any], session_id: str) -> dict[str, Any]:
    """加号: more numbers in one slot than the roster plans. Who waits gets them first; with `patient_id` they are hers alone."""
    with service().database.transaction() as tx:
        usecases.add_numbers(
            tx, session_id, body["slot_id"], body["extra"], principal().require_hospital, body.get("patient_id")
        )
        return _shown(tx, session_id)
