"""An insider writes another record after the seed is known, sound in itself. Only what was noted before tells; and what was
not given to the verifier, the verdict names.
"""

import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest
from draw_records import drawn, entrants, receipt, seed_of, terms, written
from haoyuan_draw.cli import main
from schedule_svc.draw import Drawn, Entrant, run

WEIGHTS = [1, 3, 2, 1, 5]
TRUE = drawn(WEIGHTS)
COMMITMENT = json.loads(TRUE.record)["commitment"]
SEED, LIST, TERMS = "the seed", "the list of entrants", "doctor, times and numbers"


def rewritten(kind: str) -> Drawn:
    """What the insider serves in place of the true record: the seed is the one that was committed to, all else follows."""
    who, what = entrants(WEIGHTS), terms()
    if kind == "an entrant dropped":
        del who[2]
    elif kind == "an entrant added":
        who.append(Entrant(6, "ffffffffffffffff", 9))
    elif kind == "another weight":
        who[2] = dataclasses.replace(who[2], weight=1)
    elif kind == "another doctor":
        what = dataclasses.replace(what, doctor_id="doc_b")
    else:
        assert kind == "fewer numbers"
        what = terms(numbers=(1, 1))
    return run(seed_of(1), what, who)


OF_THE_LIST = ["an entrant dropped", "an entrant added", "another weight"]
REWRITES = [*OF_THE_LIST, "another doctor", "fewer numbers"]


def before(index: int, **changes: Any) -> dict[str, Any]:
    """As the same address answers while entries are open."""
    told = receipt(WEIGHTS, index)
    kept = ("format", "session_id", "seq", "pseudonym", "weight", "parts", "commitment")
    return {name: told[name] for name in kept} | {"state": "open"} | changes


def said(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, dict[str, Any]]:
    capsys.readouterr()
    status = main(["verify", *arguments, "--json"])
    return status, json.loads(capsys.readouterr().out)


def open_to(answer: dict[str, Any]) -> list[str]:
    return [gap["what"] for gap in answer["not_compared"]]


@pytest.mark.parametrize("kind", REWRITES)
def test_a_rewritten_record_is_not_called_verified_without_its_caveat(
    kind: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """It has the true commitment: that proves nothing of the list, and the headline says so."""
    forged = rewritten(kind)
    assert forged.record != TRUE.record
    file = written(tmp_path / "forged.json", forged.record)
    assert main(["verify", file, "--commitment", COMMITMENT]) == 0
    headline = capsys.readouterr().out.splitlines()[-1]
    assert headline.startswith("VERIFIED against itself and the commitment noted before: weighted of ")
    assert headline.endswith(
        "; not compared with anything noted before: the list of entrants (give --root, --digest or --receipt)"
        " and doctor, times and numbers (give --digest or --receipt)"
    )
    status, answer = said(capsys, file, "--commitment", COMMITMENT)
    assert (status, answer["verified"], answer["headline"]) == (0, True, headline)
    assert answer["compared_with"] == ["itself", "the commitment"]
    assert answer["not_compared"] == [
        {"what": LIST, "give": ["--root", "--digest", "--receipt"]},
        {"what": TERMS, "give": ["--digest", "--receipt"]},
    ]


@pytest.mark.parametrize("kind", REWRITES)
def test_a_digest_or_any_receipt_of_the_true_draw_exposes_it(
    kind: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = written(tmp_path / "forged.json", rewritten(kind).record)
    assert main(["verify", file, "--digest", TRUE.digest]) == 1
    for index in range(len(WEIGHTS)):
        mine = written(tmp_path / "mine.json", receipt(WEIGHTS, index))
        status, answer = said(capsys, file, "--commitment", COMMITMENT, "--receipt", mine)
        assert (status, answer["verified"]) == (1, False)
        assert answer["headline"].startswith("NOT VERIFIED (receipt_known): ")
        assert [c["name"] for c in answer["checks"] if not c["ok"]] == ["receipt_known"]


@pytest.mark.parametrize("kind", REWRITES)
def test_the_root_exposes_another_list_and_says_that_it_covers_no_more(
    kind: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    status, answer = said(capsys, written(tmp_path / "forged.json", rewritten(kind).record), "--root", TRUE.root)
    assert status == (1 if kind in OF_THE_LIST else 0)
    assert open_to(answer) == [SEED, TERMS]


@pytest.mark.parametrize("kind", REWRITES)
def test_a_receipt_of_before_the_draw_covers_its_own_entry(
    kind: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = written(tmp_path / "forged.json", rewritten(kind).record)
    touched = kind in ("an entrant dropped", "another weight")
    for index in range(len(WEIGHTS)):
        status, answer = said(capsys, file, "--receipt", written(tmp_path / "mine.json", before(index)))
        assert status == (1 if touched and index == 2 else 0)
        assert open_to(answer) == [LIST, TERMS]


CASES: list[tuple[list[str], str, list[str]]] = [
    ([], "itself only", [SEED, LIST, TERMS]),
    (["commitment"], "itself and the commitment noted before", [LIST, TERMS]),
    (["root"], "itself and the root noted before", [SEED, TERMS]),
    (["digest"], "itself and the digest noted before", [SEED]),
    (["late"], "itself and 1 receipt noted before", [SEED]),
    (["early"], "itself and 1 receipt of before the draw noted before", [LIST, TERMS]),
    (["late", "late", "early"], "itself and 2 receipts and 1 receipt of before the draw noted before", []),
    (["commitment", "root"], "itself and the commitment and the root noted before", [TERMS]),
    (["commitment", "digest"], "itself and the commitment and the digest noted before", []),
    (["commitment", "late"], "itself and the commitment and 1 receipt noted before", []),
]


@pytest.mark.parametrize(("given", "against", "remains"), CASES, ids=lambda value: "+".join(value) if value else None)
def test_the_headline_names_what_was_compared_and_what_not(
    given: list[str], against: str, remains: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    known = {"commitment": COMMITMENT, "root": TRUE.root, "digest": TRUE.digest}
    options = []
    for place, name in enumerate(given):
        if name in known:
            options += [f"--{name}", known[name]]
        else:
            kept = receipt(WEIGHTS, place) if name == "late" else before(place)
            options += ["--receipt", written(tmp_path / f"{place}.json", kept)]
    status, answer = said(capsys, written(tmp_path / "r.json", TRUE.record), *options)
    assert (status, answer["verified"], open_to(answer)) == (0, True, remains)
    assert answer["headline"].startswith(f"VERIFIED against {against}: weighted of 3 numbers")
    assert [what for what in (SEED, LIST, TERMS) if f"{what} (give " in answer["headline"]] == remains
    assert ("not compared with anything noted before" in answer["headline"]) == bool(remains)
    receipts = [c for c in answer["checks"] if c["name"] == "receipt_known"]
    assert len(receipts) == given.count("late") + given.count("early")


CHANGES: list[dict[str, Any]] = [
    {"session_id": "ses_other"}, {"seq": 9}, {"pseudonym": "other"}, {"weight": 4}, {"parts": []}, {"commitment": "0" * 64},
]  # fmt: skip


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: next(iter(change)))
def test_every_receipt_given_must_hold(change: dict[str, Any], tmp_path: Path) -> None:
    record = written(tmp_path / "r.json", TRUE.record)
    good = written(tmp_path / "good.json", receipt(WEIGHTS, 0))
    assert main(["verify", record, "--receipt", good]) == 0
    for bad in (receipt(WEIGHTS, 1) | change, before(1, **change)):
        file = written(tmp_path / "bad.json", bad)
        assert main(["verify", record, "--receipt", good, "--receipt", file]) == 1
        assert main(["verify", record, "--receipt", file, "--receipt", good]) == 1


def test_a_receipt_that_is_none_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    record = written(tmp_path / "r.json", TRUE.record)
    for content, status in ((b"{", 2), (TRUE.record, 2), (before(1, more=1), 1), (before(1, state="closed"), 1)):
        file = written(tmp_path / "bad.json", content)
        found, answer = said(capsys, record, "--receipt", file)
        assert found == status
        assert answer["error"].startswith(f"{file}: ")
    assert main(["verify", record, "--receipt", str(tmp_path / "none.json")]) == 2


def test_a_checked_receipt_says_what_it_was_held_against(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    mine = written(tmp_path / "mine.json", receipt(WEIGHTS, 1))
    record = written(tmp_path / "r.json", TRUE.record)
    for option, value, against in (("--record", record, "the record"), ("--root", TRUE.root, "the root that you gave")):
        capsys.readouterr()
        assert main(["receipt", mine, option, value]) == 0
        headline = capsys.readouterr().out.splitlines()[-1]
        assert headline.startswith(f"VERIFIED against {against}, and nothing else: ")
        assert main(["receipt", mine, option, value, "--json"]) == 0
        answer = json.loads(capsys.readouterr().out)
        assert (answer["headline"], answer["compared_with"]) == (headline, [against])
