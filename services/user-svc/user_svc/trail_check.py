"""`python -m user_svc.trail_check`: verifies the whole chain of the trail. Exit status 1 if it is broken.

It needs user-svc's environment, TRAIL_KEY above all: with another key no row fits. With `--head` of a former state (GET /trail/state, or the log lines `trail_chained`) it also tells
whether the end was cut off since.
"""

import argparse
import sys

from common.run import load
from common.vault import decode_key

from user_svc import chain

ANOTHER_KEY = "the very first row does not fit: is TRAIL_KEY the one that this trail is chained with?"


def main(arguments: list[str] | None = None) -> int:
    """The command."""
    parser = argparse.ArgumentParser(
        prog="user_svc.trail_check", description="Verify the trail of security-relevant acts"
    )
    parser.add_argument("--head", default="", help="the digest of a former head, which must still be in the chain")
    given = parser.parse_args(arguments)
    service = load("user-svc")
    try:
        key = decode_key(service.settings.trail_key)  # type: ignore[attr-defined]
        with service.database.reading() as conn:
            fault = chain.first_fault(conn, key, head=given.head)
            stands = chain.stand(conn, service.database.clock())
    finally:
        service.database.close()
    if fault:
        print(f"BROKEN {fault}")  # noqa: T201  a command's answer
        if fault.place == 1 and fault.row is not None:
            print(ANOTHER_KEY)  # noqa: T201  a command's answer
        return 1
    told = f"{stands.length} acts, all in their place; the head is {stands.head}; {stands.loose} are not chained yet"
    print(told)  # noqa: T201  a command's answer
    return 0


if __name__ == "__main__":
    sys.exit(main())
