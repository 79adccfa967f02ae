"""Where SMS providers tell what became of messages. A secret in the address is all the access that there is."""

import hmac
import json
from typing import Any

from common.errors import Invalid, NotFound
from common.log import get_logger
from common.vault import Vault
from common.web import Routes, answer, public, service
from flask import Response, request

from notify_svc import receipts
from notify_svc.api.parts import store
from notify_svc.settings import PROVIDERS
from notify_svc.usecases import receipts as usecases

log = get_logger("receipts")

blp = Routes("receipts", __name__, url_prefix="/api/v1", description="What SMS providers say, for them alone")

_TAKEN = {"alibaba": {"code": 0, "msg": "OK"}, "tencent": {"result": 0, "errmsg": "OK"}}
"""Provider -> the answer upon which it does not come again."""


_BODY: dict[str, Any] = {
    "required": True,
    "content": {
        "application/json": {
            "schema": {"type": "array", "minItems": 1, "maxItems": receipts.MOST, "items": {}},
            "examples": {
                "alibaba": {
                    "value": [
                        {
                            "biz_id": "9006^1",
                            "out_id": "our key",
                            "phone_number": "138…",
                            "success": True,
                            "err_code": "DELIVERED",
                        }
                    ]
                },
                "tencent": {
                    "value": [
                        {
                            "sid": "2645:1",
                            "nationcode": "86",
                            "mobile": "138…",
                            "report_status": "SUCCESS",
                            "errmsg": "DELIVRD",
                        }
                    ]
                },
            },
        }
    },
}


@blp.post("/notifications/receipts/<provider>/<token>")
@public
@blp.doc(requestBody=_BODY)  # type: ignore[untyped-decorator]
@blp.response(200)
def receive_receipts(provider: str, token: str) -> Response:
    """A list of receipts in the provider's own form, and an answer in it. 404 for any other token; none is good without RECEIPTS_TOKEN.

    422 `bad_receipts` if it is no such list. Of a list the good ones are taken, whatever the others are.
    """
    running = service()
    # without one nothing is right: an address without a token is another route
    right = hmac.compare_digest(token.encode("utf-8", "surrogatepass"), running.settings.receipts_token.encode())
    if provider not in PROVIDERS or not right:
        raise NotFound("no such provider calls here", code="not_found")
    try:
        found, bad = receipts.read(provider, _body())
    except ValueError as error:
        raise Invalid(str(error), code="bad_receipts") from error
    known = usecases.take(store(), Vault(running.settings.contact_key), provider, found)
    if bad or known < len(found):
        log.warning("receipts_odd", provider=provider, bad=bad, unknown=max(0, len(found) - known))
    return answer(_TAKEN[provider])


def _body() -> Any:
    """Raises ValueError for what is no JSON."""
    try:
        return json.loads(request.get_data())
    except RecursionError as error:
        raise ValueError("too deep") from error
