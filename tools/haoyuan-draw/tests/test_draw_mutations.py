"""Whatever is changed in a record, it is noticed."""

import copy
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from draw_records import drawn, entrants, seed_of, terms, written
from haoyuan_draw.check import digest_of, verify
from haoyuan_draw.cli import main
from haoyuan_draw.record import Unreadable, Wrong, parse, read_record
from hypothesis import given, settings
from hypothesis import strategies as st
from schedule_svc.draw import commitment_to, run

RECORDS = [
    drawn([1, 3, 2, 1, 5]).record,
    drawn([1, 1, 1, 1], "lottery", (1, 1)).record,
    drawn([7]).record,
    drawn([]).record,
]


def accepted(record: bytes) -> bool:
    try:
        return verify(read_record(parse(record))).verified
    except (Unreadable, Wrong):
        return False


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Every place in a document, the document itself left out."""
    if path:
        yield path
    if isinstance(value, dict | list):
        for key, inner in value.items() if isinstance(value, dict) else enumerate(value):
            yield from places(inner, (*path, key))


VALUES = st.one_of(
    st.none(), st.booleans(), st.integers(-3, 12), st.floats(allow_nan=False), st.text(max_size=20),
    st.just([]), st.just({}), st.sampled_from(["lottery", "weighted", "0" * 64, "2026-12-01T10:30:00+08:00"]),
)  # fmt: skip


@given(st.sampled_from(RECORDS), st.data())
@settings(max_examples=400, deadline=None)
def test_a_changed_value_is_noticed(record: bytes, data: st.DataObject) -> None:
    document = json.loads(record)
    *above, key = data.draw(st.sampled_from(list(places(document))))
    holder = document
    for step in above:
        holder = holder[step]
    value = data.draw(VALUES)
    if type(value) is type(holder[key]) and value == holder[key]:
        return
    holder[key] = value
    assert not accepted(json.dumps(document).encode())


@given(st.sampled_from(RECORDS), st.data())
@settings(max_examples=200, deadline=None)
def test_what_is_left_out_put_in_or_moved_is_noticed(record: bytes, data: st.DataObject) -> None:
    document = json.loads(record)
    holders = [document, *(_at(document, p) for p in places(document) if isinstance(_at(document, p), dict | list))]
    holder = data.draw(st.sampled_from(holders))
    before = copy.deepcopy(document)
    if isinstance(holder, dict):
        if holder and data.draw(st.booleans()):
            del holder[data.draw(st.sampled_from(sorted(holder)))]
        else:
            holder["another"] = data.draw(VALUES)
    elif len(holder) > 1 and data.draw(st.booleans()):
        i, j = data.draw(st.permutations(range(len(holder))))[:2]
        holder[i], holder[j] = holder[j], holder[i]
    elif holder and data.draw(st.booleans()):
        holder.append(holder[0])
    elif holder:
        holder.pop()
    if document != before:
        assert not accepted(json.dumps(document).encode())


def _at(document: Any, path: tuple[Any, ...]) -> Any:
    for step in path:
        document = document[step]
    return document


@given(st.sampled_from(RECORDS), st.data())
@settings(max_examples=400, deadline=None)
def test_a_changed_byte_is_noticed(record: bytes, data: st.DataObject) -> None:
    at, byte = data.draw(st.integers(0, len(record) - 1)), data.draw(st.integers(0, 255))
    changed = record[:at] + bytes([byte]) + record[at + 1 :]
    assert accepted(changed) == (changed == record)


def redone(document: dict[str, Any]) -> dict[str, Any]:
    """By a forger who knows how the digest is made."""
    return document | {"digest": digest_of(document)}


FORGERIES: dict[str, tuple[dict[str, Any], str]] = {
    "another seed": ({"seed": seed_of(2).hex()}, "commitment"),
    "another seed with its commitment": (
        {"seed": seed_of(2).hex(), "commitment": commitment_to(seed_of(2))},
        "ranking",
    ),
    "another root": ({"root": "0" * 64}, "root"),
    "one number more": ({"numbers": 4, "winners": 4}, "counts"),
    "one winner less": ({"winners": 2}, "counts"),
    "two changed places": ({"ranking": None}, "ranking"),
    "entries that closed after the draw": ({"closes_at": "2026-12-01T23:00:00+08:00"}, "times"),
    "a lottery of weights": ({"policy": "lottery"}, "list"),
}


@pytest.mark.parametrize("name", FORGERIES)
def test_a_forged_record_with_a_good_digest_is_noticed(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    document = json.loads(RECORDS[0])
    changes, caught_by = FORGERIES[name]
    if "ranking" in changes:
        first, second, *rest = document["ranking"]
        changes = {"ranking": [second, first, *rest]}
    assert main(["verify", written(tmp_path / "r.json", redone(document | changes)), "--json"]) == 1
    failed = [c["name"] for c in json.loads(capsys.readouterr().out)["checks"] if not c["ok"]]
    assert caught_by in failed
    assert "digest" not in failed


def test_another_weight_or_another_entrant_in_the_list_is_noticed() -> None:
    document = json.loads(RECORDS[0])
    for entry in ([2, entrants([1] * 5)[1].pseudonym, 300], [2, "somebodyelse", 3]):
        forged = copy.deepcopy(document)
        forged["entries"][1] = entry
        verdict = verify(read_record(redone(forged)))
        assert {c.name for c in verdict.checks if not c.ok} >= {"root"}


def test_only_what_was_known_before_exposes_a_whole_new_draw() -> None:
    """Sound in itself; the commitment that was published before entries opened tells. The tool takes it as --commitment."""
    other = run(seed_of(9), terms(), entrants([1, 3, 2, 1, 5])).record
    assert accepted(other)
    assert json.loads(other)["commitment"] != json.loads(RECORDS[0])["commitment"]
