"""A caller who repeats a request until it is answered: what a good client does when a server dies under it."""

import secrets
import time
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
                return super()._send(method, path, body, Idempotency_Key=key)
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


class Stubborn(Repeating, Patient):
    """A patient who does not give up."""

    def press_until_paid(self, order: str) -> None:
        """Press the page's button, again if the page's server died."""
        payment = self.attempt(order)
        deadline = time.monotonic() + PATIENCE
        while self.see(order)["state"] == "awaiting_payment":
            assert time.monotonic() < deadline
            if not payment["show"]:  # the provider was not reached, or its answer was lost: a job asks it again
                time.sleep(0.1)
                payment = self.get(f"/payments/{payment['id']}")
                continue
            try:
                self.press(payment)
            except (OSError, HTTPException):
                time.sleep(0.1)
