"""`Idempotency-Key`: the same key and body answer the same; another body under the same key is refused (422).

As in Stripe's API: the first answer is stored with the effect, in one transaction, so a repeated POST can neither act
twice nor lose its answer. Refusals (4xx) are not stored: correct the request and send it again under the same key.
"""

import functools
from collections.abc import Callable
from typing import Any

import sqlalchemy as sa
from flask import Response, request
from sqlalchemy.exc import IntegrityError

from common import ids
from common.errors import Invalid
from common.outbox import idempotency as table
from common.web.access import principal

LONGEST_KEY = 255


def idempotency_key() -> str:
    """The request's key, "" if there is none. Raises Invalid if it is too long or not printable ASCII."""
    key = request.headers.get("Idempotency-Key", "")
    if len(key) > LONGEST_KEY or not key.isascii() or (key and not key.isprintable()):
        raise Invalid(
            "a bad key",
            errors=[{"field": "Idempotency-Key", "message": f"at most {LONGEST_KEY} printable ASCII characters"}],
        )
    return key


def request_hash() -> str:
    """What the request asks for, method, path and body, as a keyed digest: bodies hold what must not be guessed from it."""
    return ids.fingerprint(b"\n".join([request.method.encode(), request.path.encode(), request.get_data()]))


def other_body() -> Invalid:
    """The refusal of a key that was used for another request."""
    return Invalid(
        "this Idempotency-Key was used for another request",
        code="idempotency_key_reused",
        errors=[{"field": "Idempotency-Key", "message": "belongs to another request"}],
    )


def idempotent(view: Callable[..., Response]) -> Callable[..., Response]:
    """Make a view (of authenticated callers, returning a Response) honour Idempotency-Key.

    The view's own transactions join the one opened here, so use it only where the view does no I/O but the database.
    """

    @functools.wraps(view)
    def wrapper(*args: Any, **kwargs: Any) -> Response:
        from common.web.app import service

        key = idempotency_key()
        if not key:
            return view(*args, **kwargs)
        database, account, digest = service().store, principal().account_id, request_hash()
        if stored := _stored(database, account, key, digest):
            return stored
        try:
            with database.transaction(share=True) as tx:
                response = view(*args, **kwargs)
                if response.status_code < 400:
                    _store(tx, account, key, digest, response)
                return response
        except IntegrityError:
            # the same request came twice at once, and the other one committed first; or the view has a conflict of its own
            if stored := _stored(database, account, key, digest):
                return stored
            raise

    return wrapper


def repeatable(view: Callable[..., Response]) -> Callable[..., Response]:
    """As `idempotent`, for a view of several transactions whose work may be done again without harm.

    The answer is stored after the work. If the process dies between the two, or the same request comes twice at once, the work
    is done again, and the answer that was stored first is everybody's.
    """

    @functools.wraps(view)
    def wrapper(*args: Any, **kwargs: Any) -> Response:
        from common.web.app import service

        key = idempotency_key()
        if not key:
            return view(*args, **kwargs)
        database, account, digest = service().store, principal().account_id, request_hash()
        if stored := _stored(database, account, key, digest):
            return stored
        response = view(*args, **kwargs)
        if response.status_code < 400:
            try:
                with database.transaction() as tx:
                    _store(tx, account, key, digest, response)
            except IntegrityError:
                if stored := _stored(database, account, key, digest):
                    return stored
                raise
        return response

    return wrapper


def _stored(database: Any, account: str, key: str, digest: str) -> Response | None:
    query = sa.select(table).where(table.c.account_id == account, table.c.key == key)
    with database.reading() as conn:
        row = conn.execute(query).one_or_none()
    if row is None:
        return None
    if row.request_hash != digest:
        raise other_body()
    response = Response(bytes(row.body), row.status, content_type="application/json")
    response.headers["Idempotency-Replayed"] = "true"
    if row.location:
        response.headers["Location"] = row.location
    return response


def _store(tx: Any, account: str, key: str, digest: str, response: Response) -> None:
    tx.conn.execute(
        sa.insert(table).values(
            account_id=account,
            key=key,
            request_hash=digest,
            status=response.status_code,
            location=response.headers.get("Location"),
            body=response.get_data(),
            created_at=tx.now,
        )
    )
