"""Where the audit looks: a service's figures with an operator's token, and the payment sandbox's books, which are open to everybody."""

import json
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from typing import Any
from urllib.parse import urlsplit
from urllib.request import urlopen

from common.jsons import decode

PATIENCE = 12.0
"""Seconds for which a service may think about its figures: less than the pages and the gateway wait for us."""


def fetch(platform: str, name: str, token: str) -> Any:
    """The figures of a service, with the caller's token. Raises OSError or ValueError; PermissionError if it does not take the token.

    Follows nobody elsewhere with the token.
    """
    url = urlsplit(platform)
    kind = HTTPSConnection if url.scheme == "https" else HTTPConnection
    connection = kind(url.netloc, timeout=PATIENCE)
    try:
        connection.request("GET", f"/api/v1/audit/{name}", headers={"Authorization": f"Bearer {token}"})
        answer = connection.getresponse()
        body = answer.read()
    except HTTPException as error:
        raise OSError(f"{type(error).__name__}: {error}") from error
    finally:
        connection.close()
    if answer.status in (401, 403):
        raise PermissionError(f"answers {answer.status}")
    if answer.status != 200:
        raise OSError(f"answers {answer.status}")
    figures = decode(body)
    if not isinstance(figures, dict):
        raise OSError("answers something that is no figures")
    return figures


def books(sandbox: str) -> dict[str, Any]:
    """Fen that the payment sandbox took in and gave back, by provider, as it keeps them itself. Raises OSError."""
    if not sandbox.startswith(("http://", "https://")):
        raise OSError(f"{sandbox!r} is no address of a payment sandbox")
    with urlopen(f"{sandbox.rstrip('/')}/_ctl/books", timeout=10) as answer:  # noqa: S310  the scheme was looked at
        found: dict[str, Any] = json.load(answer)
    return found
