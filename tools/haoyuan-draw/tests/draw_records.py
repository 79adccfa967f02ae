"""What the tests share: records as the platform makes them. The tool itself knows nothing of the platform."""

import hashlib
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from schedule_svc.draw import Drawn, Entrant, Terms, run, tree_of

OPENS = datetime(2026, 12, 1, 0, 30, tzinfo=UTC)
SESSION = "ses_abcdefghijklmnop12345678"


def seed_of(number: int) -> bytes:
    return hashlib.sha256(b"seed %d" % number).digest()


def terms(policy: Any = "weighted", numbers: tuple[int, ...] = (2, 1)) -> Terms:
    starts = OPENS + timedelta(days=4)
    segments = [(f"slt_{i}", starts + timedelta(minutes=30 * i), free) for i, free in enumerate(numbers)]
    return Terms(
        SESSION, "hos_a", "dep_a", "doc_a", "2026-12-05", "morning", starts, policy,
        OPENS, OPENS + timedelta(hours=2), OPENS + timedelta(hours=2, milliseconds=250), segments,
    )  # fmt: skip


def entrants(weights: list[int], gaps: int = 1) -> list[Entrant]:
    return [Entrant(1 + i * gaps, hashlib.sha256(b"%d" % i).hexdigest()[:16], w) for i, w in enumerate(weights)]


def drawn(weights: list[int], policy: Any = "weighted", numbers: tuple[int, ...] = (2, 1), seed: int = 1) -> Drawn:
    return run(seed_of(seed), terms(policy, numbers), entrants(weights))


def receipt(weights: list[int], index: int) -> dict[str, Any]:
    """As `GET /sessions/{id}/draw/receipt` answers it."""
    found, who = drawn(weights), entrants(weights)
    return {
        "format": "haoyuan-receipt/1",
        "session_id": SESSION,
        "seq": who[index].seq,
        "pseudonym": who[index].pseudonym,
        "weight": who[index].weight,
        "parts": [{"name": "base", "points": 1}, {"name": "follow_up", "points": who[index].weight - 1}],
        "commitment": hashlib.sha256(seed_of(1)).hexdigest(),
        "index": index,
        "entrants": len(who),
        "path": [step.hex() for step in tree_of(who).path(index)],
        "root": found.root,
        "digest": found.digest,
        "rank": found.ranking.index(who[index].seq) + 1,
        "won": found.ranking.index(who[index].seq) < found.winners,
    }


def written(path: Path, document: Any) -> str:
    """The document as a file; answers its name."""
    path.write_bytes(document if isinstance(document, bytes) else json.dumps(document).encode())
    return str(path)
