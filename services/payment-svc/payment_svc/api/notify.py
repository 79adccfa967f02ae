"""Where providers call back. Their signatures are all the access that there is."""

from common.errors import NotFound
from common.web import Routes, public, service
from flask import Response, request

from payment_svc.usecases import callbacks

blp = Routes("notify", __name__, url_prefix="/api/v1", description="What payment providers say, for them alone")


@blp.post("/payments/notify/<provider>")
@public
def receive(provider: str) -> Response:
    """A provider's callback, in its own protocol: believed by its signature, and answered in its own words."""
    running = service()
    gateway = running.parts.gateways.get(provider)
    if gateway is None:
        raise NotFound("no such provider calls here")
    body = _body(running.settings.callback_body_limit)
    if body is None:
        status, said, content_type = callbacks.refuse(provider, gateway, callbacks.OVERSIZED)
    else:
        status, said, content_type = callbacks.receive(running.database, provider, gateway, dict(request.headers), body)
    return Response(said, status, content_type=content_type)


def _body(limit: int) -> bytes | None:
    """The body, to the byte; None if it has more than `limit` bytes, of which no more is read, whatever length it claims."""
    if (request.content_length or 0) > limit:
        return None
    body = b""
    while len(body) <= limit and (
        chunk := request.stream.read(limit + 1 - len(body))
    ):  # a read may bring less than asked
        body += chunk
    return None if len(body) > limit else body
