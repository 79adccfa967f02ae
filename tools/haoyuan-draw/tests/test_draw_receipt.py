"""A receipt proves that its entrant is in the list, and nobody else's place."""

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
from draw_records import drawn, receipt, written
from haoyuan_draw.cli import main
from haoyuan_draw.merkle import root_by_path, root_of
from hypothesis import given
from hypothesis import strategies as st
from schedule_svc.draw import Tree

WEIGHTS = [1, 3, 2, 1, 5, 1, 1]


@given(st.integers(1, 70), st.data())
def test_every_path_leads_to_the_root_and_no_other_place_does(size: int, data: st.DataObject) -> None:
    leaves = [b"%d" % i for i in range(size)]
    tree, index = Tree(leaves), data.draw(st.integers(0, size - 1))
    assert tree.root == root_of(leaves)
    path = tree.path(index)
    assert root_by_path(leaves[index], index, size, path) == tree.root
    assert root_by_path(b"x", index, size, path) != tree.root
    assert root_by_path(leaves[index], index, size, [*path, b"x" * 32]) is None
    if path:
        assert root_by_path(leaves[index], index, size, path[:-1]) != tree.root
    other = data.draw(st.integers(0, size - 1))
    if other != index:
        assert root_by_path(leaves[index], other, size, path) != tree.root
    assert root_by_path(leaves[index], size, size, path) is None


def test_the_trees_of_the_rfc() -> None:
    """The test vectors of Certificate Transparency's reference implementation: eight leaves, and none."""
    leaves = [bytes.fromhex(x) for x in (
        "", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f",
    )]  # fmt: skip
    whole = "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328"
    assert Tree(leaves).root.hex() == root_of(leaves).hex() == whole
    assert Tree([]).root == root_of([]) == hashlib.sha256(b"").digest()
    with pytest.raises(IndexError):
        Tree(leaves).path(8)


@pytest.mark.parametrize("index", range(len(WEIGHTS)))
def test_a_receipt_is_checked_against_the_record_and_against_the_root(index: int, tmp_path: Path) -> None:
    record = written(tmp_path / "record.json", drawn(WEIGHTS).record)
    mine = written(tmp_path / "mine.json", receipt(WEIGHTS, index))
    assert main(["receipt", mine, "--record", record]) == 0
    assert main(["receipt", mine, "--root", drawn(WEIGHTS).root]) == 0
    assert main(["receipt", mine, "--root", "0" * 64]) == 1


CHANGES: list[dict[str, Any]] = [
    {"session_id": "ses_other"}, {"seq": 9}, {"pseudonym": "other"}, {"weight": 4}, {"parts": []}, {"index": 2},
    {"entrants": 6}, {"path": []}, {"root": "0" * 64}, {"digest": "0" * 64}, {"rank": 7}, {"won": None},
    {"commitment": "0" * 64}, {"more": 1},
]  # fmt: skip


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: next(iter(change)))
def test_a_changed_receipt_is_noticed(change: dict[str, Any], tmp_path: Path) -> None:
    good = receipt(WEIGHTS, 1)
    if "rank" in change and good["rank"] == 7:
        change = {"rank": 6}
    if "won" in change:
        change = {"won": not good["won"]}
    record = written(tmp_path / "record.json", drawn(WEIGHTS).record)
    assert main(["receipt", written(tmp_path / "mine.json", good | change), "--record", record]) == 1


def test_a_receipt_of_another_draw_and_a_bad_record(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    mine = written(tmp_path / "mine.json", receipt(WEIGHTS, 1))
    other = written(tmp_path / "other.json", drawn(WEIGHTS, seed=2).record)
    assert main(["receipt", mine, "--record", other]) == 1
    forged = json.loads(drawn(WEIGHTS).record) | {"winners": 2}
    capsys.readouterr()
    assert main(["receipt", mine, "--record", written(tmp_path / "forged.json", forged), "--json"]) == 1
    checks = json.loads(capsys.readouterr().out)["checks"]
    assert next(c for c in checks if c["name"] == "record")["ok"] is False


def test_a_receipt_before_the_draw_cannot_be_checked(tmp_path: Path) -> None:
    before = {"format": "haoyuan-receipt/1", "state": "open", "session_id": "s", "pseudonym": "p", "weight": 1}
    assert main(["receipt", written(tmp_path / "mine.json", before), "--root", "0" * 64]) == 2
