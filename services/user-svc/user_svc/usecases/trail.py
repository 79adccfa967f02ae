"""The trail of security-relevant acts: whoever does one calls `note` in the transaction that does it.

Soon after, `usecases/chain.py` gives each row its place in a chain of digests. Nothing in the trail says who anybody is:
accounts are ids, an address is noted without its last part, and `facts` hold no personal data.
"""

import ipaddress
from collections.abc import Sequence
from contextvars import ContextVar
from typing import Any

from common.jsons import encode
from common.outbox import Database, Tx

from user_svc.store import trail as rows

network: ContextVar[str] = ContextVar("network", default="")
"""Whence the running request came (`network_of` its address); empty for what nobody asked for."""


def note(
    tx: Tx,
    act: str,
    /,
    *,
    actor: str | None = None,
    about: str | None = None,
    hospital_id: str | None = None,
    **facts: Any,
) -> None:
    """Note an act with the transaction that does it. `actor` and `about` are accounts: who did it, and to whose account.

    hospital_id: of acts of a hospital's staff, and about them: the hospital's administrators see these.
    facts: what else is to be known; JSON, and nothing personal.
    """
    rows.add_act(
        tx,
        {
            "at": tx.now,
            "act": act,
            "actor": actor,
            "about": about,
            "hospital_id": hospital_id,
            "network": network.get(),
            "facts": encode(facts).decode(),
        },
    )


def read(database: Database, *, reader: str, **asked: Any) -> Sequence[Any]:
    """Rows of the trail as `store.trail.acts` finds them; that `reader` read them is noted with them."""
    with database.transaction() as tx:
        found = rows.acts(tx.conn, **asked)
        told = {name: asked[name] for name in ("act", "first", "last", "before") if asked[name] is not None}
        note(tx, "trail_read", actor=reader, about=asked["account_id"], hospital_id=asked["hospital_id"], **told)
    return found


def network_of(address: str) -> str:
    """An address without its last part: the /24 of IPv4, the /48 of IPv6. Empty for what is no address."""
    try:
        given = ipaddress.ip_address(address)
    except ValueError:
        return ""
    inner = given.ipv4_mapped if isinstance(given, ipaddress.IPv6Address) else None
    given = inner or given
    length = 24 if given.version == 4 else 48
    return str(ipaddress.ip_network(f"{str(given).partition('%')[0]}/{length}", strict=False))
