"""A caller who repeats a request until it is answered: what a good client does when a server dies under it."""

import json
import secrets
import time
import urllib.error
import urllib.request
from http.client import HTTPException
from typing import Any

from actors import Patient

from demo.client import Client, Refused

PATIENCE = 60.0


class Repeating(Client):
    """Sends every POST under an Idempotency-Key, and again under the same one after a broken connection or a 502, 503, 504."""

    def _send(self, method: str, path: str, body: Any) -> Any:
        key = secrets.token_hex(8)
        deadline = time.monotonic() + PATIENCE
        repeated = False
        while True:
            try:
                return self._once(method, path, body, key)
            except Refused as refused:
                if refused.status == 409 and repeated and path == "/users":
                    return {}  # the first attempt had registered us, and died before it could say so
                later = refused.status in {502, 503, 504} or refused.problem["code"] == "payment_not_ready"
                if not later or time.monotonic() > deadline:
                    raise
            except (OSError, HTTPException):
                if time.monotonic() > deadline:
                    raise
            repeated = True
            time.sleep(0.1)

    def _once(self, method: str, path: str, body: Any, key: str) -> Any:
        headers = {"Content-Type": "application/json", "Idempotency-Key": key}
        if self.token:
            headers["Authorization"] = f"Bearer {self.token}"
        request = urllib.request.Request(
            self.base + path, None if body is None else json.dumps(body).encode(), headers, method=method
        )
        try:
            with urllib.request.urlopen(request, timeout=30) as response:
                return json.loads(response.read() or b"null")
        except urllib.error.HTTPError as error:
            text = error.read()
            try:
                problem = json.loads(text)
            except ValueError:
                problem = {"code": "no_problem_document", "detail": text[:200].decode(errors="replace")}
            raise Refused(error.code, problem) from error


class Stubborn(Repeating, Patient):
    """A patient who does not give up."""

    def press_until_paid(self, order: str) -> None:
        """Press the page's button, again if the page's server died."""
        payment = self.attempt(order)
        deadline = time.monotonic() + PATIENCE
        while self.see(order)["state"] == "awaiting_payment":
            assert time.monotonic() < deadline
            try:
                self.press(payment)
            except (OSError, HTTPException):
                time.sleep(0.1)
