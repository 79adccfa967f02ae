"""The secrets of a local system: made once, kept, and added to when a release has gained some."""

import json
from pathlib import Path

from stack.keys import load_or_make


def test_they_are_made_once_and_nobody_else_reads_them(tmp_path: Path) -> None:
    made = load_or_make(tmp_path / "new" / "secrets.json")
    assert load_or_make(tmp_path / "new" / "secrets.json") == made
    assert (tmp_path / "new" / "secrets.json").stat().st_mode & 0o077 == 0
    ours = ("ID_KEY", "DATA_KEY", "CONTACT_KEY", "TRAIL_KEY", "DOOR_KEY", "RECEIPTS_TOKEN")
    assert len({made[name] for name in ours}) == len(ours)


def test_what_an_older_release_left_stays_and_what_is_missing_is_added(tmp_path: Path) -> None:
    path = tmp_path / "secrets.json"
    old = load_or_make(path)
    path.write_text(
        json.dumps({name: old[name] for name in ("JWT_PRIVATE_KEY", "JWT_PUBLIC_KEY", "ID_KEY", "DATA_KEY")})
    )
    new = load_or_make(path)
    assert {name for name in old if old[name] == new[name]} >= {
        "JWT_PRIVATE_KEY",
        "JWT_PUBLIC_KEY",
        "ID_KEY",
        "DATA_KEY",
    }
    assert new["CONTACT_KEY"] not in {"", old["CONTACT_KEY"]}
    assert load_or_make(path) == new
