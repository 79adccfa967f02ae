"""`Idempotency-Key`: the same key and body answer the same; another body under the same key is refused (422).

As in Stripe's API: the first answer is stored with the effect, in one transaction, so a repeated POST can neither act
twice nor lose its answer. Refusals (4xx) are not stored: correct the request and send it again under the same key.
"""

import functools
from collections.abc import Callable
from typing import Any

from flask import Response, request
from sqlalchemy.exc import IntegrityError

from common import ids
from common.errors import Invalid
from common.outbox.keeping import Answered
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
            with database.transaction(share=True):
                response = view(*args, **kwargs)
                if response.status_code < 400:
                    database.keep_answer(account, key, _answered(digest, response))
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
        store, account, digest = service().store, principal().account_id, request_hash()
        if stored := _stored(store, account, key, digest):
            return stored
        response = view(*args, **kwargs)
        if response.status_code < 400:
            try:
                store.keep_answer(account, key, _answered(digest, response))
            except store.key_used:
                if stored := _stored(store, account, key, digest):
                    return stored
                raise
        return response

    return wrapper


def _stored(store: Any, account: str, key: str, digest: str) -> Response | None:
    found: Answered | None = store.answered(account, key)
    if found is None:
        return None
    if found.request_hash != digest:
        raise other_body()
    response = Response(found.body, found.status, content_type="application/json")
    response.headers["Idempotency-Replayed"] = "true"
    if found.location:
        response.headers["Location"] = found.location
    return response


def _answered(digest: str, response: Response) -> Answered:
    return Answered(digest, response.status_code, response.headers.get("Location"), response.get_data())
