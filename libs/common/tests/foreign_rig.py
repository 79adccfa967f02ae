"""A service that strangers talk to: what it takes from `clinic.in` it writes down, and answers by `clinic.out`."""

from collections.abc import Sequence
from typing import Any

import msgspec
import sqlalchemy as sa
from common.foreign import Foreign, Intake, Outlet
from delivery_rig import Party, Store, effects

DESK = "desk-svc"
QUEUE = "desk-svc.clinic"
IN, OUT, UNCLAIMED = "clinic.in", "clinic.out", "clinic.unclaimed"


def event(id_: str, text: str = "", source: str = "/his") -> bytes:
    """A CloudEvent as a clinic might write it."""
    return msgspec.json.encode({"specversion": "1.0", "id": id_, "source": source, "type": "t", "data": text or id_})


def answer(tx: Any, messages: Sequence[Foreign]) -> None:
    """The handler: writes down who said what, answers each, and chokes on poison."""
    for m in messages:
        if b"poison" in m.body:
            raise ValueError("this one kills me")
        sender = m.user_id or m.routing_key.partition(".")[0]
        row = {"message_id": m.id, "subject": sender, "number": m.body.decode(errors="replace")}
        tx.conn.execute(sa.insert(effects), row)
        tx.send_out(OUT, f"res.{sender}", b"\xffgot " + m.body[:1000], f"re-{m.id}")


def desk(url: str, *outlets: Outlet) -> Party:
    """The service, with an empty database; by default with its outlet."""
    return Party(DESK, Store(url), {}, intakes=[Intake(IN, QUEUE, answer)], outlets=outlets or [Outlet(OUT, UNCLAIMED)])
