"""`python -m audit [URL] [--sandbox URL]`: exit status 1 if an invariant is broken.

ADMIN_USERNAME and ADMIN_PASSWORD are the operator's. The figures are compared at rest: `--settle` seconds (default 10) are
given for what is on its way to arrive. With `--sandbox`, our clearing accounts are compared with the payment sandbox's own books.
"""

import argparse
import os
import sys

from audit.figures import settle
from audit.invariants import RULES
from audit.money import providers_agree
from audit.sources import books
from demo.client import Client, Refused


def main() -> int:
    """The command."""
    parser = argparse.ArgumentParser(prog="audit", description="Compare the services' figures")
    parser.add_argument("url", nargs="?", default="http://localhost:8000")
    parser.add_argument("--settle", type=float, default=10.0, help="seconds to wait for what is on its way")
    parser.add_argument("--sandbox", default="", help="the payment sandbox, such as http://127.0.0.1:8090")
    arguments = parser.parse_args()
    if "ADMIN_PASSWORD" not in os.environ:
        print("ADMIN_PASSWORD is needed: the operator's, as the system was started with", file=sys.stderr)
        return 2
    client = Client(f"{arguments.url.rstrip('/')}/api/v1")
    try:
        client.login(os.environ.get("ADMIN_USERNAME", "operator"), os.environ["ADMIN_PASSWORD"])
        found = settle(client, arguments.settle, arguments.sandbox)
    except (Refused, OSError, ValueError) as error:
        print(f"cannot look: {error}", file=sys.stderr)
        return 2
    for b in found:
        print(f"BROKEN {b.rule}: {b.about}: {b.what}")
    if not found:
        print(held(arguments.sandbox))
    return 1 if found else 0


def held(sandbox: str) -> str:
    """What is said when nothing is broken. Whose books were not looked at is not said to agree."""
    looked_at = [rule.__name__ for rule in RULES if sandbox or rule is not providers_agree]
    compared = f"the books of {len(books(sandbox))} providers" if sandbox else "no provider's books (--sandbox)"
    return f"{len(looked_at)} invariants hold: {', '.join(looked_at)}; compared with {compared}"


if __name__ == "__main__":
    sys.exit(main())
