"""Writes .env for docker compose from .env.example: every empty value becomes a fresh random secret, but those that others give us:
payment providers, and who carries letters.

    python3 deploy/make_env.py [FOLDER]

What .env holds already is kept, so running it again changes nothing; a value that was emptied is made anew (that is how
a secret is rotated), and a variable that .env.example has gained is added. Needs nothing but Python.
"""

import base64
import hashlib
import os
import re
import secrets
import sys
from pathlib import Path

_GIVEN = re.compile(
    r"(WECHAT|ALIPAY|SMTP|ALIBABA|TENCENT)_.*|PAYMENT_METHODS|SMS_PROVIDERS|MAIL_FROM|(PUBLIC|CALLBACK)_URL"
)
"""The names of what others give us, or what says something when empty: left as it is."""
_LINE = re.compile(r"^(?P<name>[A-Z][A-Z0-9_]*)=(?P<value>.*)$")

# Ed25519 (RFC 8032, section 5.1): the field's prime, the curve's d and the base point.
_P = 2**255 - 19
_D = -121665 * pow(121666, -1, _P) % _P
_BASE = (
    15112221349535400772501151409588531511454012693041857206046113283949847762202,
    46316835694926478169428394003475163141307993866256225615783033603165251855960,
)
_Point = tuple[int, int]


def _add(a: _Point, b: _Point) -> _Point:
    """The sum of two points of the curve -x^2 + y^2 = 1 + d x^2 y^2."""
    product = _D * a[0] * b[0] * a[1] * b[1]
    x = (a[0] * b[1] + a[1] * b[0]) * pow(1 + product, -1, _P)
    y = (a[1] * b[1] + a[0] * b[0]) * pow(1 - product, -1, _P)
    return x % _P, y % _P


def ed25519_public_key(seed: bytes) -> bytes:
    """The 32 bytes of the public key that belongs to a private `seed` of 32 bytes. Not constant in time: use it offline."""
    scalar = int.from_bytes(hashlib.sha512(seed).digest()[:32], "little")
    scalar = scalar & ((1 << 254) - 8) | (1 << 254)
    total, double = (0, 1), _BASE
    while scalar:
        if scalar & 1:
            total = _add(total, double)
        double = _add(double, double)
        scalar >>= 1
    x, y = total
    return (y | (x & 1) << 255).to_bytes(32, "little")


def _secret(name: str, known: dict[str, str]) -> str:
    """A fresh value for `name`; the public key follows from the private one."""
    if _GIVEN.fullmatch(name):
        return ""
    if name == "JWT_PUBLIC_KEY":
        return base64.b64encode(ed25519_public_key(base64.b64decode(known["JWT_PRIVATE_KEY"]))).decode()
    if name.endswith("_KEY"):
        return base64.b64encode(secrets.token_bytes(32)).decode()
    return secrets.token_hex(16)  # passwords stand in URLs: hexadecimal needs no escaping


def fill_in(template: str, present: dict[str, str]) -> str:
    """The text of .env: `template` with the values of `present`, and fresh secrets for what is empty in both."""
    lines: list[str] = []
    known = dict(present)
    if not known.get("JWT_PRIVATE_KEY"):
        known.pop("JWT_PUBLIC_KEY", None)  # a new key pair, not half of one
    for line in template.splitlines():
        match = _LINE.match(line)
        if match is None:
            lines.append(line)
            continue
        name = match["name"]
        known[name] = known.get(name) or match["value"] or _secret(name, known)
        lines.append(f"{name}={known[name]}")
    offered = _values(template)
    lines += [f"{name}={value}" for name, value in present.items() if name not in offered]
    return "\n".join(lines) + "\n"


def _values(text: str) -> dict[str, str]:
    return {match["name"]: match["value"] for line in text.splitlines() if (match := _LINE.match(line))}


def main(folder: Path) -> None:
    target = folder / ".env"
    present = _values(target.read_text()) if target.exists() else {}
    text = fill_in((folder / ".env.example").read_text(), present)
    if target.exists() and target.read_text() == text:
        return
    temporary = folder / ".env.new"
    with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        file.write(text)
    temporary.replace(target)
    sys.stdout.write(
        f"{target} written; the operator's account: {_values(text)['ADMIN_USERNAME']}, password in {target.name}\n"
    )


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).resolve().parent.parent)
