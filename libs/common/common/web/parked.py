"""Parked messages by HTTP, of every service alike: operators look at them, replay them once their cause is mended, or drop them.

The body is shown as text, without what may be personal. A replay is what `dlq replay` does, in this process: the effect, the end of
the parking and the answer under the Idempotency-Key are one transaction where the store is SQL. Two who replay one message at once
change things once: the inbox, or with MongoDB the documents' own ids, see to it.
"""

import base64
import binascii
import functools
import re
from collections.abc import Callable
from datetime import datetime
from typing import Any

from flask import Response, after_this_request
from marshmallow import fields, validate

from common.clock import local
from common.envelope import MAX_BYTES
from common.errors import Conflict, NotFound, Transient
from common.jsons import decode, encode
from common.log import get_logger, mask_text
from common.metrics import PARKED_ACTS
from common.outbox import Database, Parked
from common.processor import Store
from common.web.access import principal, roles
from common.web.app import Routes, service
from common.web.idempotency import idempotent, repeatable
from common.web.paging import Paged, page_of
from common.web.schemas import PlainText, Schema

log = get_logger("parked")

SHOWN = 100_000
"""Characters of a body that are shown."""

_WORDS = """name patientname maskedname fullname realname username contact device phone telephone tel mobile email mail
idnumber idcard idno address birthday password token secret"""
HIDDEN = frozenset(_WORDS.split())
"""Members of a body that are not shown, with all that is below them, written in whichever case, with _ or without. Addresses and codes
travel sealed, and patients' names masked, anyway; but what is parked may come from outside, or be damaged."""

blueprint = Routes("parked", __name__, description="Messages that could not be handled, each with the reason")


class ParkedSchema(Schema):
    """A message that no handler could take."""

    id = fields.String(required=True, metadata={"description": "names it in paths"})
    message_id = fields.String(required=True, metadata={"description": "the message's own, as logs have it"})
    type = fields.String(required=True, allow_none=True, metadata={"description": "null: it could not be read"})
    subject = fields.String(
        required=True, allow_none=True, metadata={"description": "what it is about, if that is known"}
    )
    order_id = fields.String(required=True, allow_none=True)
    reason = fields.String(required=True)
    parked_at = fields.AwareDateTime(required=True)
    bytes = fields.Integer(required=True, metadata={"description": "the size of its body"})
    from_outside = fields.Boolean(
        required=True, metadata={"description": "it came from a hospital, not from a service"}
    )


class ParkedBodySchema(ParkedSchema):
    """One of them, with its body as text."""

    body = fields.String(required=True, metadata={"description": "masked: nothing personal is shown"})
    truncated = fields.Boolean(required=True, metadata={"description": f"it is longer than {SHOWN} characters"})


class ParkedListSchema(Schema):
    """A page of them."""

    items = fields.List(fields.Nested(ParkedSchema), required=True)
    next_cursor = fields.String(required=True, allow_none=True)


class ActedSchema(Schema):
    """What became of it: it is not parked any more."""

    id = fields.String(required=True)
    message_id = fields.String(required=True)
    outcome = fields.String(required=True, validate=validate.OneOf(["replayed", "dropped"]))


class DropSchema(Schema):
    """Why it is to be forgotten."""

    why = PlainText(500, required=True, metadata={"description": "for the record: the log keeps who and why"})


class ParkedQuery(Paged):
    """The place in the list."""

    sort_kinds = (datetime, str)


def _once(view: Callable[..., Response]) -> Callable[..., Response]:
    """The same Idempotency-Key gets the same answer: in one transaction with the effect where the store has such."""
    atomic, loose = idempotent(view), repeatable(view)

    @functools.wraps(view)
    def wrapper(*args: Any, **kwargs: Any) -> Response:
        act = atomic if isinstance(service().store, Database) else loose
        try:
            return act(*args, **kwargs)
        except NotFound:  # perhaps because of this very request, sent twice at once: then it has its answer by now
            return act(*args, **kwargs)

    return wrapper


@blueprint.get("")
@roles("operator")
@blueprint.arguments(ParkedQuery, location="query")
@blueprint.response(200, ParkedListSchema)
def list_parked(query: dict[str, Any]) -> dict[str, Any]:
    """The messages that this service could not handle, oldest first."""
    after = None if query["cursor"] is None else tuple(query["cursor"])
    found = _store().parked(query["limit"] + 1, after, largest=MAX_BYTES)
    return page_of(found, query["limit"], lambda p: [p.parked_at, p.message_id], _show)


@blueprint.get("/<message_id>")
@roles("operator")
@blueprint.response(200, ParkedBodySchema)
def get_parked(message_id: str) -> dict[str, Any]:
    """One of them, with its body; what may be personal in it is not shown. 404: message_not_found."""
    parked = _find(message_id)
    text = masked(parked.body)
    return {**_show(parked), "body": text[:SHOWN], "truncated": len(text) > SHOWN}


@blueprint.post("/<message_id>/replay")
@roles("operator")
@_once
@blueprint.response(200, ActedSchema)
def replay_parked(message_id: str) -> dict[str, Any]:
    """Handle it again: 200 when that took effect, once however often it is asked for; it is not parked any more.

    Honours `Idempotency-Key`. 404: message_not_found. 409: still_fails (`reason`); then it stays parked.
    """
    parked = _find(message_id)
    try:
        service().processor.replay(parked)
    except Exception as error:
        if isinstance(error, Transient) or _store().is_transient(error):
            raise
        reason = mask_text(f"{type(error).__name__}: {error}")[:2000]
        _say("still_fails", parked, reason=reason)
        raise Conflict("it cannot be handled yet, and stays parked", code="still_fails", reason=reason) from error
    _say_when_done("replayed", parked)
    return _acted(parked, "replayed")


@blueprint.post("/<message_id>/drop")
@roles("operator")
@_once
@blueprint.arguments(DropSchema)
@blueprint.response(200, ActedSchema)
def drop_parked(body: dict[str, Any], message_id: str) -> dict[str, Any]:
    """Forget it for good, and say why. Honours `Idempotency-Key`. 404: message_not_found."""
    parked = _find(message_id)
    if not _store().unpark(parked.message_id):
        raise _gone()
    _say_when_done("dropped", parked, why=body["why"])
    return _acted(parked, "dropped")


def masked(body: bytes) -> str:
    """A body as text, without what may be personal: of one that is no JSON, whose names cannot be told, only how long it is, and why."""
    try:
        return encode(_mask(decode(body))).decode()
    except (ValueError, TypeError, RecursionError) as error:
        return f"({len(body)} bytes that are no JSON{_place(body, error)})"


def _place(body: bytes, error: Exception) -> str:
    """Where the fault is. The library's own words may quote what is there."""
    try:
        body.decode()
    except UnicodeDecodeError as broken:
        return f", from byte {broken.start} on"
    at = re.search(r"\(byte (\d+)\)$", str(error))
    return f", from byte {at[1]} on" if at else ": cut off" if "truncated" in str(error) else ""


def _mask(value: Any) -> Any:
    if isinstance(value, dict):
        return {mask_text(name): _hide(each) if _is_hidden(name) else _mask(each) for name, each in value.items()}
    if isinstance(value, list):
        return [_mask(each) for each in value]
    if isinstance(value, str):
        return mask_text(value)
    if isinstance(value, int | float) and mask_text(str(value)) != str(value):
        return mask_text(str(value))
    return value


def _is_hidden(name: str) -> bool:
    return re.sub(r"[\W_]", "", name).lower() in HIDDEN


def _hide(value: Any) -> Any:
    return None if value is None else "***"


def _store() -> Store:
    return service().store  # type: ignore[no-any-return]


def _find(ident: str) -> Parked:
    parked = _store().parked_message(_open(ident))
    if parked is None:
        raise _gone()
    return parked


def _gone() -> NotFound:
    return NotFound("no such message is parked here", code="message_not_found")


_PLAIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:-]{0,127}")


def ident_of(message_id: str) -> str:
    """A message's id as it stands in paths: as it is, or wrapped, for senders outside choose what they like."""
    if _PLAIN.fullmatch(message_id):
        return message_id
    return "~" + base64.urlsafe_b64encode(message_id.encode()).decode().rstrip("=")


def _open(ident: str) -> str:
    if not ident.startswith("~"):
        return ident
    try:
        return base64.urlsafe_b64decode(ident[1:] + "==").decode()
    except (ValueError, binascii.Error):
        raise _gone() from None


def _show(parked: Parked) -> dict[str, Any]:
    subject, order_id = _about(parked.body) if parked.size <= MAX_BYTES else (None, None)
    return {
        "id": ident_of(parked.message_id),
        "message_id": mask_text(parked.message_id),
        "type": parked.type or None,
        "subject": subject,
        "order_id": order_id,
        "reason": mask_text(parked.reason),
        "parked_at": local(parked.parked_at),
        "bytes": parked.size,
        "from_outside": bool(parked.origin),
    }


def _about(body: bytes) -> tuple[str | None, str | None]:
    """The subject and the order of a message, where they can be read."""
    try:
        event = decode(body)
    except (ValueError, RecursionError):
        return None, None
    if not isinstance(event, dict):
        return None, None
    data = event.get("data")
    return _word(event.get("subject")), _word(data.get("order_id")) if isinstance(data, dict) else None


def _word(value: Any) -> str | None:
    return mask_text(value)[:255] if isinstance(value, str) and value else None


def _acted(parked: Parked, outcome: str) -> dict[str, Any]:
    return {"id": ident_of(parked.message_id), "message_id": mask_text(parked.message_id), "outcome": outcome}


def _say(act: str, parked: Parked, **more: str) -> None:
    """What an operator did, for the log and the metrics."""
    PARKED_ACTS.labels(service().name, act).inc()
    by = principal().account_id
    log.warning("parked_message", act=act, message_id=parked.message_id, type=parked.type, by=by, **more)


def _say_when_done(act: str, parked: Parked, **more: str) -> None:
    """As `_say`, after the commit, and not if that fails."""

    @after_this_request
    def say(response: Response) -> Response:
        if response.status_code == 200:
            _say(act, parked, **more)
        return response
