"""Makes golden.json: records, receipts and keys with the verdicts of tools/haoyuan-draw, for the verifier of the pages to agree with.

    .venv/bin/python web/src/draws/golden/make.py

The records are those of the tool's own tests. A mutation puts a value, written as JSON, in the place at a path, and a
digest that fits the change if there is one. The verdict is what failed, by name; "wrong" or "unreadable" if the tool refuses to read it.
"""

import copy
import json
import random
import sys
from decimal import Decimal
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[4]
sys.path[:0] = [str(ROOT / "tools/haoyuan-draw/tests")]

from draw_records import drawn, entrants, receipt, seed_of  # noqa: E402
from haoyuan_draw.check import DECIMAL128, digest_of, exponential, verify  # noqa: E402
from haoyuan_draw.receipt import check_entered, check_included  # noqa: E402
from haoyuan_draw.record import Entered, Unreadable, Wrong, parse, read_kept_receipt, read_record  # noqa: E402
from schedule_svc.draw import commitment_to  # noqa: E402

RECORDS = {
    "weighted": drawn([1, 3, 2, 1, 5]).record,
    "lottery": drawn([1, 1, 1, 1], "lottery", (1, 1)).record,
    "one": drawn([7]).record,
    "nobody": drawn([]).record,
    "no numbers": drawn([1, 2], numbers=()).record,
    "many": drawn([1 + i * i % 997 for i in range(300)], numbers=(40, 0, 70), seed=5).record,
    "many alike": drawn([1] * 257, "lottery", (12, 3), seed=6).record,
}
PLACED = [
    None,
    True,
    False,
    -1,
    0,
    1,
    2,
    12,
    1.0,
    1.5,
    "",
    "x",
    "lottery",
    "weighted",
    "0" * 64,
    "2026-12-01T10:30:00+08:00",
    [],
    {},
]


def verdict(data: bytes) -> list[str] | str:
    try:
        return [check.name for check in verify(read_record(parse(data))).checks if not check.ok]
    except Unreadable:
        return "unreadable"
    except Wrong:
        return "wrong"


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [*([path] if path else []), *(found for key, one in inner for found in places(one, (*path, key)))]


def changed(document: Any, path: tuple[Any, ...], value: Any) -> Any:
    document = copy.deepcopy(document)
    *above, key = path
    holder = document
    for step in above:
        holder = holder[step]
    holder[key] = value
    return document


def mutations(record: bytes, dice: random.Random) -> list[dict[str, Any]]:
    """Each place of the record with some other value; every third with a digest that fits the change."""
    document = json.loads(record)
    found = []
    for i, path in enumerate(places(document)):
        value = dice.choice(PLACED)
        after = changed(document, path, value)
        if json.dumps(after) == json.dumps(document):
            continue
        redone = i % 3 == 0 and path != ("digest",)
        if redone:
            after["digest"] = digest_of(after)
        one = {"path": path, "value": json.dumps(value), "digest": after["digest"] if redone else None}
        found.append(one | {"verdict": verdict(json.dumps(after).encode())})
    return found


def forgeries() -> list[dict[str, Any]]:
    """By somebody who knows how the digest is made: those of test_draw_mutations.py, and more."""
    document = json.loads(RECORDS["weighted"])
    first, second, *rest = document["ranking"]
    name = entrants([1] * 5)[1].pseudonym
    changes: dict[str, dict[str, Any]] = {
        "another seed": {"seed": seed_of(2).hex()},
        "another seed with its commitment": {"seed": seed_of(2).hex(), "commitment": commitment_to(seed_of(2))},
        "another root": {"root": "0" * 64},
        "one number more": {"numbers": 4, "winners": 4},
        "one winner less": {"winners": 2},
        "two changed places": {"ranking": [second, first, *rest]},
        "one place less": {"ranking": [first, second, *rest][:-1]},
        "entries that closed after the draw": {"closes_at": "2026-12-01T23:00:00+08:00"},
        "the same moment, written otherwise": {"closes_at": "2026-12-01T02:30:00Z"},
        "drawn a millionth too early": {"drawn_at": "2026-12-01T10:29:59.999999+08:00"},
        "a lottery of weights": {"policy": "lottery"},
        "another doctor": {"session": document["session"] | {"doctor_id": "doc_b"}},
        "another session": {"session": document["session"] | {"id": "ses_other"}},
        "another weight": {"entries": [document["entries"][0], [2, name, 300], *document["entries"][2:]]},
        "another entrant": {"entries": [document["entries"][0], [2, "somebodyelse", 3], *document["entries"][2:]]},
        "segments out of order": {"segments": document["segments"][::-1]},
        "a day that does not exist": {"opens_at": "2026-02-30T08:30:00+08:00"},
    }
    found = []
    for title, change in changes.items():
        after = document | change
        after["digest"] = digest_of(after)
        found.append(
            {
                "title": title,
                "change": change | {"digest": after["digest"]},
                "verdict": verdict(json.dumps(after).encode()),
            }
        )
    return found


def texts() -> list[dict[str, Any]]:
    """What is odd as JSON, and whether the tool reads it all the same."""
    good = RECORDS["weighted"].decode()
    odd = {
        "as it is": good,
        "spaced": json.dumps(json.loads(good), indent=3),
        "escaped": good.replace('"weighted"', '"\\u0077eighted"'),
        "a member twice": good.replace('"winners":3', '"winners":3,"winners":3'),
        "a point": good.replace('"winners":3', '"winners":3.0'),
        "an exponent": good.replace('"winners":3', '"winners":3e0'),
        "a leading zero": good.replace('"winners":3', '"winners":03'),
        "a comma too many": good.replace('"winners":3', '"winners":3,'),
        "more behind it": good + " {}",
        "a byte order mark": "\ufeff" + good,
        "no number": good.replace('"winners":3', '"winners":NaN'),
        "an open draw": json.dumps({"format": "haoyuan-draw/1", "state": "open", "commitment": "0" * 64}),
        "a list": "[]",
        "nothing": "",
    }
    return [{"title": title, "text": text, "verdict": verdict(text.encode())} for title, text in odd.items()]


def receipts() -> list[dict[str, Any]]:
    """Receipts of the record "weighted", sound and not."""
    record = read_record(parse(RECORDS["weighted"]))
    drawing = verify(record)
    found = []
    for index in range(5):
        good = receipt([1, 3, 2, 1, 5], index)
        entered = {
            k: good[k] for k in ("format", "session_id", "seq", "pseudonym", "weight", "parts", "commitment")
        } | {"state": "open"}
        for kept in (good, entered):
            changes: list[dict[str, Any]] = [
                {},
                {"weight": 9},
                {"seq": 8},
                {"commitment": "0" * 64},
                {"session_id": "ses_b"},
                {"pseudonym": "x"},
            ]
            if kept is good:
                path = good["path"]
                changes += [
                    {"path": path[:-1]},
                    {"path": [*path, path[0]]},
                    {"index": (index + 1) % 5},
                    {"rank": 6},
                    {"won": not good["won"]},
                ]
                changes += [
                    {"root": "1" * 64},
                    {"digest": "1" * 64},
                    {"entrants": 6},
                    {"path": [p[::-1] for p in path]},
                ]
            for change in changes:
                document = kept | change
                read = read_kept_receipt(copy.deepcopy(document))
                checks = (
                    check_entered(read, record) if isinstance(read, Entered) else check_included(read, record, drawing)
                )
                found.append({"receipt": document, "failed": sorted({c.name for c in checks if not c.ok})})
    return found


def keys(dice: random.Random) -> list[dict[str, str]]:
    """Numbers of all sizes: also those next to 1, where little is left of the logarithm, and next to 0."""
    full = 2**256
    values = [
        1,
        2,
        3,
        full,
        full - 1,
        full - 2,
        full // 2,
        full // 2 + 1,
        full // 3,
        full - 10**40,
        full - 10**43,
        full - 7 * 10**42,
    ]
    values += [dice.randrange(1, full) for _ in range(150)]
    values += [full - dice.randrange(1, 2 ** dice.randrange(1, 250)) for _ in range(60)]
    values += [dice.randrange(1, 2 ** dice.randrange(2, 250)) for _ in range(40)]
    found = []
    for value in values:
        weight = dice.choice([1, 1, 2, 3, 7, 10, 997, 999_999, 1_000_000])
        u = DECIMAL128.divide(Decimal(value), Decimal(full))
        found.append({"value": str(value), "weight": str(weight), "u": plain(u), "key": plain(exponential(u, weight))})
    return found


def plain(number: Decimal) -> str:
    """digits, E, exponent, without zeros at the end: 125E-2."""
    number = number.normalize(DECIMAL128)
    return f"{''.join(map(str, number.as_tuple().digits))}E{number.as_tuple().exponent}" if number else "0"


def made() -> str:
    dice = random.Random(18)  # noqa: S311  the same ones each time
    small = {name: record for name, record in RECORDS.items() if not name.startswith("many")}
    document = {
        "records": {name: record.decode() for name, record in RECORDS.items()},
        "mutations": {name: mutations(record, dice) + mutations(record, dice) for name, record in small.items()},
        "forgeries": forgeries(),
        "texts": texts(),
        "receipts": receipts(),
        "keys": keys(dice),
    }
    return json.dumps(document, ensure_ascii=False, separators=(",", ":")) + "\n"


if __name__ == "__main__":
    (Path(__file__).parent / "golden.json").write_text(made(), encoding="utf-8")
