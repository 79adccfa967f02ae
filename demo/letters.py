"""What the demo reads in the mailbox of development: the codes by which addresses are proved."""

import time
from collections.abc import Mapping

from demo.client import Client, Refused

WITHIN, PAUSE = 15.0, 0.1  # seconds for all codes to arrive; between two looks


def prove(client: Client, mailbox: str, password: str, addresses: Mapping[str, str]) -> bool:
    """Make addresses the caller's own, by the codes that arrive at the mailbox. `addresses`: "email" and "phone".

    False if a code does not come, or was asked for a moment ago: an account can do without.
    """
    letters = Client(f"{mailbox}/_ctl")
    try:
        for address in addresses.values():
            client.post("/users/me/codes", {"to": address})
    except Refused as refused:
        if refused.status != 429:
            raise
        return False
    deadline = time.monotonic() + WITHIN
    for name, address in addresses.items():
        while not (code := _newest_code(letters, address)):
            if time.monotonic() > deadline:
                return False
            time.sleep(PAUSE)
        client.post(f"/users/me/{name}", {name: address, "code": code, "password": password})
    return True


def _newest_code(letters: Client, address: str) -> str:
    found = letters.get(f"/messages?to={address}")["items"]
    return next((message["code"] for message in reversed(found) if message["code"]), "")
