"""The in-app inbox, live."""

from collections.abc import Iterable

from common.log import get_logger
from common.web import Routes, principal, roles, service
from common.web.stream import Stream, event
from flask import Response, request

from notify_svc.api.inbox import show
from notify_svc.api.parts import EVERYBODY, reader_locale, recipients
from notify_svc.listeners import Inboxes, Item

log = get_logger("stream")

blp = Routes("stream", __name__, url_prefix="/api/v1", description="The in-app inbox, live")

_LAST = {"in": "header", "name": "Last-Event-ID", "schema": {"type": "string"}, "description": "the last event's id"}


@blp.get("/notifications/stream", parameters=[_LAST])
@roles(*EVERYBODY)
@blp.response(
    200, {"type": "string"}, content_type="text/event-stream", description="Server-sent events, as told above"
)
def stream_notifications() -> Response:
    """One's notifications as they come, as server-sent events; the token in Authorization, as everywhere.

    `notification`: as GET /notifications shows it, and in which language. `reload`: too much was missed to be told here; read the
    inbox. `bye`: the stream ends, and why: token_expired, come_again, too_slow, stopping; elsewhere: the account has opened more
    than six here, and this was the oldest, so do not come again by yourself. An open stream tells what comes after it was opened:
    open it, then read the inbox. Who comes again with `Last-Event-ID` misses nothing and hears nothing twice, or is told `reload`.
    503 `no_streams`: there are too many; Retry-After says when to try again.
    """
    caller, locale = principal(), reader_locale()
    inboxes: Inboxes = service().parts.inboxes
    if request.method == "HEAD":
        return Response(content_type="text/event-stream")
    last = request.headers.get("Last-Event-ID", "")
    listener, cursor, stored = inboxes.listen(recipients(caller), last, caller.account_id)

    def write(item: Item) -> bytes:
        at, notification = item
        if notification is None:
            return event("reload", {}, str(cursor))
        if not cursor.takes(at, notification.id):
            return b""
        try:
            return event("notification", show(notification, locale), str(cursor))
        except Exception:  # one that cannot be shown is no reason to be silent about the others
            log.exception("not_shown", notification_id=notification.id)
            return b""

    first: Iterable[bytes]
    if stored is None:
        first = [event("reload", {}, str(cursor))]
    elif last:
        first = filter(None, map(write, stored))
    else:
        first = [f"id: {cursor}\n\n".encode()]
    stream = Stream(listener, write, expires=caller.expires, first=first)
    response = stream.response()
    response.headers["Content-Language"] = locale
    response.headers["Vary"] = "Accept-Language"
    return response
