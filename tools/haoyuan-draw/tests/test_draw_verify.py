"""The tool finds what the platform drew, knows it for sound, and explains it."""

import gzip
import http.server
import json
import threading
from decimal import ROUND_HALF_EVEN, Context, Decimal
from pathlib import Path
from typing import Any

import haoyuan_draw
import pytest
from draw_records import OPENS, drawn, entrants, seed_of, terms, written
from haoyuan_draw.check import Known, exponential, verify
from haoyuan_draw.cli import main
from haoyuan_draw.record import parse, read_record
from hypothesis import given, settings
from hypothesis import strategies as st
from schedule_svc import draw

WEIGHTS = [1, 3, 2, 1, 5]


def checked(record: bytes, known: Known | None = None) -> Any:
    return verify(read_record(parse(record)), known)


@given(
    st.lists(st.integers(1, 1_000_000), max_size=40),
    st.sampled_from(["lottery", "weighted"]),
    st.lists(st.integers(0, 20), max_size=4),
    st.integers(0, 2**32),
)
@settings(deadline=None)
def test_two_programs_draw_alike(weights: list[int], policy: str, numbers: list[int], seed: int) -> None:
    weights = weights if policy == "weighted" else [1] * len(weights)
    found = drawn(weights, policy, tuple(numbers), seed)
    verdict = checked(found.record)
    assert verdict.verified, [c for c in verdict.checks if not c.ok]
    assert [r.entry.seq for r in verdict.results] == found.ranking
    assert sum(r.segment is not None for r in verdict.results) == found.winners


@given(st.integers(1, 2**256), st.integers(1, 1_000_000))
@settings(deadline=None)
def test_the_key_is_the_exact_one_correctly_rounded(value: int, weight: int) -> None:
    """Against 120 digits: a wrong last digit on one machine would be another order there."""
    fine, coarse = Context(prec=120), Context(prec=34, rounding=ROUND_HALF_EVEN)
    u = coarse.plus(fine.divide(Decimal(value), Decimal(2**256)))
    expected = coarse.divide(coarse.plus(fine.ln(u).copy_negate()), Decimal(weight))
    assert draw.exponential_key(value, weight) == expected == exponential(u, weight)


def test_a_lottery_is_a_weighted_draw_of_equals() -> None:
    who = entrants([1] * 50)
    key = seed_of(3)
    assert draw.rank("lottery", key, who) == draw.rank("weighted", key, who)


def test_heavier_entrants_win_more_often() -> None:
    who = entrants([1, 4])
    won = sum(draw.rank("weighted", seed_of(i), who)[0] == who[1].seq for i in range(2000))
    assert abs(won / 2000 - 4 / 5) < 4 * (0.8 * 0.2 / 2000) ** 0.5


def test_equal_keys_are_told_apart_by_the_pseudonym(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(draw, "uniform", lambda _key, _pseudonym: 2**255)
    who = entrants([1] * 6)
    by_name = [e.seq for e in sorted(who, key=lambda e: e.pseudonym)]
    assert draw.rank("lottery", b"", who) == draw.rank("weighted", b"", who) == by_name != [1, 2, 3, 4, 5, 6]


def test_one_who_left_changes_the_draw_of_all() -> None:
    """The list is part of the key: nobody can be taken out in silence."""
    who = entrants(WEIGHTS)
    one, other = (draw.run(seed_of(1), terms(), kept) for kept in (who, who[:-1]))
    assert one.root != other.root
    key = [draw.draw_key(seed_of(1), "ses", bytes.fromhex(d.root)) for d in (one, other)]
    assert key[0] != key[1]


def test_a_draw_without_entrants_or_without_numbers() -> None:
    assert checked(drawn([]).record).verified
    nothing = checked(drawn([1, 2], numbers=()).record)
    assert nothing.verified
    assert [r.segment for r in nothing.results] == [None, None]


def test_winners_fill_the_earliest_segment_first() -> None:
    starts = [r.segment for r in checked(drawn(WEIGHTS).record).results]
    assert starts == ["2026-12-05T08:30:00+08:00"] * 2 + ["2026-12-05T09:00:00+08:00", None, None]


def test_what_was_seen_before_is_compared(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A record that is sound in itself, but of another seed than was committed to."""
    file = written(tmp_path / "r.json", drawn(WEIGHTS).record)
    good, bad = draw.commitment_to(seed_of(1)), draw.commitment_to(seed_of(2))
    assert main(["verify", file, "--commitment", good]) == 0
    assert main(["verify", file, "--commitment", bad]) == 1
    assert main(["verify", file, "--root", bad]) == main(["verify", file, "--digest", bad]) == 1
    assert "FAILED    digest_known" in capsys.readouterr().out


def test_it_says_who_got_what_and_why(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = drawn(WEIGHTS)
    file = written(tmp_path / "r.json", found.record)
    first, last = (entrants(WEIGHTS)[found.ranking[i] - 1] for i in (0, -1))
    assert main(["verify", file, "--me", first.pseudonym]) == 0
    out = capsys.readouterr().out
    assert "VERIFIED against itself only: weighted of 3 numbers among 5 entrants" in out
    assert "That is rank 1 of 5" in out
    assert f"entered as number {first.seq}, with weight {first.weight}" in out
    assert main(["verify", file, "--me", last.pseudonym]) == 0
    assert "she waits, 2 places behind" in capsys.readouterr().out
    assert main(["verify", file, "--me", "stranger"]) == 0
    assert "stranger is not in the list" in capsys.readouterr().out


@pytest.mark.parametrize("policy", ["lottery", "weighted"])
def test_the_answer_as_json(policy: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = drawn([1] * 5, policy)
    file = written(tmp_path / "r.json", found.record)
    me = entrants([1] * 5)[found.ranking[4] - 1].pseudonym
    assert main(["verify", file, "--json", "--all", "--me", me]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert answer["verified"] is True
    assert [r["seq"] for r in answer["results"]] == found.ranking
    assert answer["me"] == answer["results"][4]
    assert (answer["me"]["key"] is None) == (policy == "lottery")
    assert {c["name"] for c in answer["checks"]} == {
        "commitment", "digest", "times", "list", "counts", "root", "ranking",
    }  # fmt: skip


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"\xff", b"null", b'{"format":"x"}', b'{"a":1,"a":1}', b"NaN"])
def test_what_is_no_record_cannot_be_checked(content: bytes, tmp_path: Path) -> None:
    assert main(["verify", written(tmp_path / "r.json", content)]) == 2


def test_a_draw_to_come_cannot_be_checked(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    opened = {"format": "haoyuan-draw/1", "state": "open", "commitment": "0" * 64}
    assert main(["verify", written(tmp_path / "r.json", opened), "--json"]) == 2
    assert "still to come" in json.loads(capsys.readouterr().out)["error"]


def test_no_file_and_wrong_usage(tmp_path: Path) -> None:
    assert main(["verify", str(tmp_path / "none.json")]) == 2
    for wrong in (["verify", "x", "--root", "no hex"], [], ["receipt", "x"]):
        with pytest.raises(SystemExit) as stopped:
            main(wrong)
        assert stopped.value.code == 2


def test_a_record_is_read_from_a_url_and_from_a_packed_file(tmp_path: Path) -> None:
    record = drawn(WEIGHTS).record

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            packed = gzip.compress(record)
            self.send_response(200 if self.path == "/draw" else 404)
            self.send_header("Content-Encoding", "gzip")
            self.send_header("Content-Length", str(len(packed)))
            self.end_headers()
            self.wfile.write(packed)

        def log_message(self, *_: object) -> None:
            """Silent."""

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        url = f"http://127.0.0.1:{server.server_port}"
        assert main(["verify", f"{url}/draw"]) == 0
        assert main(["verify", f"{url}/gone"]) == 2
    finally:
        server.shutdown()
        server.server_close()
    assert main(["verify", written(tmp_path / "r.json.gz", gzip.compress(record))]) == 0


def test_the_tool_knows_nothing_but_the_standard_library() -> None:
    import ast
    import sys

    folder = Path(haoyuan_draw.__file__).parent
    for file in folder.glob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            names = [a.name for a in node.names] if isinstance(node, ast.Import) else []
            names += [str(node.module)] if isinstance(node, ast.ImportFrom) else []
            for name in names:
                assert name.split(".")[0] in {*sys.stdlib_module_names, "haoyuan_draw"}, (file, name)


def test_the_example_of_the_specification() -> None:
    """docs/draws.md has a record by which another implementation can be tried."""
    text = (Path(__file__).parents[3] / "docs" / "draws.md").read_text(encoding="utf-8")
    example = text.split("```json\n")[1].split("```")[0]
    assert checked(example.encode()).verified
    assert json.loads(example) == json.loads(drawn(WEIGHTS).record)
    assert OPENS.year == 2026
