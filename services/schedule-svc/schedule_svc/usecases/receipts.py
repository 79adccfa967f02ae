"""What an entrant can show: her place in the list of a draw, and the path from it to the root that everybody knows."""

import gzip
from collections import OrderedDict
from dataclasses import dataclass
from threading import Lock
from typing import Any

import msgspec
from common.errors import NotFound
from common.outbox import Database

from schedule_svc import draw
from schedule_svc.store import draws as store

FORMAT = "haoyuan-receipt/1"
_REMEMBERED = 4
"""Trees of that many draws: everybody asks after the same draw in the same minute, and a large tree takes 20 MB."""


class _Read(msgspec.Struct, frozen=True):
    """What a receipt needs of a record."""

    digest: str
    root: str
    winners: int
    entries: list[tuple[int, str, int]]


@dataclass(frozen=True, slots=True)
class _Finished:
    """A finished draw: what its record says, each entrant's place in the list, and the tree."""

    digest: str
    root: str
    winners: int
    places: dict[str, int]
    tree: draw.Tree


_trees: OrderedDict[str, _Finished] = OrderedDict()
_lock = Lock()


def receipt(database: Database, session_id: str, order_id: str) -> dict[str, Any]:
    """The receipt of an order's entry, as docs/draws.md describes it. Raises NotFound if it takes no part."""
    with database.reading() as conn:
        shown = store.shown(conn, session_id)
        entry = store.entry_of(conn, session_id, order_id) if shown else None
        if shown is None or entry is None:
            raise NotFound("the order takes no part in a draw of this session", code="no_entry")
        told: dict[str, Any] = {
            "format": FORMAT,
            "session_id": session_id,
            "seq": entry.seq,
            "pseudonym": entry.pseudonym,
            "weight": entry.weight,
            "parts": msgspec.json.decode(entry.parts),
            "commitment": shown.commitment,
        }
        if entry.rank is None:
            return told | {"state": "open"}
        finished = _finished(conn, session_id)
    index = finished.places[entry.pseudonym]
    return told | {
        "index": index,
        "entrants": finished.tree.size,
        "path": [step.hex() for step in finished.tree.path(index)],
        "root": finished.root,
        "digest": finished.digest,
        "rank": entry.rank,
        "won": entry.rank <= finished.winners,
    }


def _finished(conn: Any, session_id: str) -> _Finished:
    with _lock:
        found = _trees.get(session_id)
        if found is not None:
            _trees.move_to_end(session_id)
            return found
    read = msgspec.json.decode(gzip.decompress(store.packed_record(conn, session_id) or b""), type=_Read)
    entrants = [draw.Entrant(*entry) for entry in read.entries]
    places = {entrant.pseudonym: index for index, entrant in enumerate(entrants)}
    found = _Finished(read.digest, read.root, read.winners, places, draw.tree_of(entrants))
    with _lock:
        _trees[session_id] = found
        while len(_trees) > _REMEMBERED:
            _trees.popitem(last=False)
    return found
