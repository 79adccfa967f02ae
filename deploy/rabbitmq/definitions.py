"""Writes what RabbitMQ must know of the hospitals: a user for each, what it may do, and a queue with what it is answered.

    HOSPITALS="renai xiehe" python3 deploy/rabbitmq/definitions.py FILE [VHOST]
    rabbitmqctl import_definitions < FILE          # "-" instead of FILE writes to the standard output

A hospital's code is its user's name. Its password comes from BROKER_PASSWORD_<CODE> (RENAI, XIEHE), else it is made and printed this
once: the file holds salted hashes only. Importing adds and replaces, and removes nothing: name one hospital alone to rotate its
password. With RABBITMQ_PASSWORD the file holds our own user too (RABBITMQ_USER, else haoyuan), as a broker needs that is to start
from it (`load_definitions`).

A hospital's user configures nothing; it writes to roster.in, and there only keys of its own, <code>.roster.<type>; it reads
roster.results.<code>. https://www.rabbitmq.com/docs/access-control and https://www.rabbitmq.com/docs/definitions tell of the
format, https://www.rabbitmq.com/docs/passwords of the hashes. Needs nothing but Python.
"""

import base64
import hashlib
import json
import os
import re
import secrets
import sys
from collections.abc import Mapping, Sequence
from typing import Any

IN, OUT, UNCLAIMED = "roster.in", "roster.out", "roster.unclaimed"
"""As schedule-svc declares them: its Intake and its Outlet."""
RESERVED = {"haoyuan", "guest"}
LONGEST_CODE = 64
RESULTS_KEPT, RESULTS_BYTES = 10_000, 256 * 1024**2
"""Of each hospital that does not fetch them; the oldest go first. As a policy, which an operator may change at any time."""

_TYPES = r"[A-Za-z0-9_.-]+"
_NOTHING = "^$"


class BadCode(ValueError):
    """A hospital's code that can be no user's name or no word of a routing key."""


def checked(codes: Sequence[str]) -> list[str]:
    """The hospitals' codes, each once. Raises BadCode.

    A routing key is cut at dots, `*` and `#` are its wildcards; the name of a variable that holds a password must belong to one
    hospital alone.
    """
    owners: dict[str, str] = {}
    for code in codes:
        if not re.fullmatch(r"[^\W_][\w-]*", code) or len(code.encode()) > LONGEST_CODE:
            raise BadCode(
                f"{code!r} cannot be a hospital's code here: letters, digits, - and _, {LONGEST_CODE} bytes at most"
            )
        if code.lower() in RESERVED:
            raise BadCode(f"{code!r} is a user of the broker's own")
        owner = owners.setdefault(variable(code), code)
        if owner != code:
            raise BadCode(f"{owner!r} and {code!r} would share {variable(code)}")
    return list(owners.values())


def variable(code: str) -> str:
    """The environment's variable with the password of a hospital's user."""
    return "BROKER_PASSWORD_" + re.sub(r"\W", "_", code).upper()


def definitions(
    passwords: Mapping[str, str], *, vhost: str = "/", ours: tuple[str, str] | None = None
) -> dict[str, Any]:
    """The document for RabbitMQ. passwords: by the hospitals' codes. ours: our own user and its password, if it is to be in it."""
    codes = checked(list(passwords))
    document: dict[str, Any] = {
        "users": [_user(code, passwords[code]) for code in codes],
        "permissions": [_permission(code, vhost) for code in codes],
        "topic_permissions": [_topic_permission(code, vhost, exchange) for code in codes for exchange in (IN, OUT)],
        "exchanges": _exchanges(vhost),
        "queues": [_results(code, vhost) for code in codes],
        "bindings": [_binding(code, vhost) for code in codes],
        "policies": [_policy(vhost)],
    }
    if ours:
        document["vhosts"] = [{"name": vhost}]
        document["users"].append(_user(*ours, "administrator"))
        everything = dict.fromkeys(("configure", "write", "read"), ".*")
        document["permissions"].append({"user": ours[0], "vhost": vhost, **everything})
    return document


def password_hash(password: str, salt: bytes) -> str:
    """rabbit_password_hashing_sha256: a salt of 4 bytes, and SHA-256 of salt and password."""
    return base64.b64encode(salt + hashlib.sha256(salt + password.encode()).digest()).decode()


def _user(name: str, password: str, tags: str = "") -> dict[str, Any]:
    return {
        "name": name,
        "password_hash": password_hash(password, secrets.token_bytes(4)),
        "hashing_algorithm": "rabbit_password_hashing_sha256",
        "tags": tags,
    }


def _permission(code: str, vhost: str) -> dict[str, str]:
    return {
        "user": code,
        "vhost": vhost,
        "configure": _NOTHING,
        "write": rf"^{re.escape(IN)}\z",
        "read": rf"^{re.escape(_results_queue(code))}\z",
    }


def _topic_permission(code: str, vhost: str, exchange: str) -> dict[str, str]:
    r"""Anchored by \z, for $ would let a line feed pass at the end; types are plain words, for a key may be any bytes."""
    own = rf"^{re.escape(code)}\.roster\.{_TYPES}\z"
    write = own if exchange == IN else _NOTHING
    return {"user": code, "vhost": vhost, "exchange": exchange, "write": write, "read": _NOTHING}


def _exchanges(vhost: str) -> list[dict[str, Any]]:
    plain = {"vhost": vhost, "type": "topic", "durable": True, "auto_delete": False, "internal": False}
    return [
        {**plain, "name": IN, "arguments": {}},
        {**plain, "name": OUT, "arguments": {"alternate-exchange": UNCLAIMED}},
    ]


def _results_queue(code: str) -> str:
    return f"roster.results.{code}"


def _results(code: str, vhost: str) -> dict[str, Any]:
    name, arguments = _results_queue(code), {"x-queue-type": "quorum"}
    return {"name": name, "vhost": vhost, "durable": True, "auto_delete": False, "arguments": arguments}


def _binding(code: str, vhost: str) -> dict[str, Any]:
    destination = {"destination": _results_queue(code), "destination_type": "queue"}
    return {"source": OUT, "vhost": vhost, **destination, "routing_key": f"res.{code}", "arguments": {}}


def _policy(vhost: str) -> dict[str, Any]:
    bounds = {
        "max-length": RESULTS_KEPT,
        "max-length-bytes": RESULTS_BYTES,
        "overflow": "drop-head",
        "delivery-limit": 1_000_000_000,  # RabbitMQ 4 drops after 20 by itself; a reader may be restarted often
    }
    pattern = rf"^{re.escape(_results_queue(''))}"
    return {
        "vhost": vhost,
        "name": "roster-results",
        "pattern": pattern,
        "apply-to": "queues",
        "definition": bounds,
        "priority": 0,
    }


def main(arguments: Sequence[str], environ: Mapping[str, str]) -> int:
    """The command. Exit status 2 with the reason if it cannot be done."""
    codes = environ.get("HOSPITALS", "").split()
    if not 1 <= len(arguments) <= 2 or not codes:
        sys.stderr.write('usage: HOSPITALS="code ..." definitions.py FILE|- [VHOST]\n')
        return 2
    try:
        passwords = {code: environ.get(variable(code), "") for code in checked(codes)}
    except BadCode as error:
        sys.stderr.write(f"{error}\n")
        return 2
    made = {code: secrets.token_urlsafe(24) for code, password in passwords.items() if not password}
    vhost = arguments[1] if len(arguments) > 1 else "/"
    password = environ.get("RABBITMQ_PASSWORD")
    ours = (environ.get("RABBITMQ_USER", "haoyuan"), password) if password else None
    document = definitions({**passwords, **made}, vhost=vhost, ours=ours)
    text = json.dumps(document, indent=2) + "\n"
    if arguments[0] == "-":
        sys.stdout.write(text)
    else:
        with os.fdopen(os.open(arguments[0], os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            file.write(text)
    for code, password in made.items():
        sys.stderr.write(f"{code}: password {password} (kept nowhere: pass it on, or it is lost)\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], os.environ))
