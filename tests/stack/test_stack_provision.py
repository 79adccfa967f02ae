"""What is installed, when, and that nothing is started by it."""

import os
from pathlib import Path

import pytest

from stack import provision

# Notes what it is asked for, and whether services were allowed to start meanwhile.
APT_GET = """#!/bin/sh
echo "$*" >> "$LOG"
[ "$1" = install ] || [ "$4" = install ] && {
    [ -x "$POLICY" ] && "$POLICY"; echo "policy $?" >> "$LOG"
    for package in redis-server; do printf '#!/bin/sh\\n' > "$BIN/$package"; chmod +x "$BIN/$package"; done
}
exit 0
"""


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A Debian without any of the servers, we being root."""
    folder = tmp_path / "bin"
    folder.mkdir()
    (folder / "apt-get").write_text(APT_GET)
    (folder / "apt-get").chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:/bin")
    monkeypatch.setenv("LOG", str(tmp_path / "log"))
    monkeypatch.setenv("BIN", str(folder))
    monkeypatch.setenv("POLICY", str(tmp_path / "policy-rc.d"))
    monkeypatch.delenv("CI", raising=False)
    monkeypatch.setattr(provision, "POLICY", tmp_path / "policy-rc.d")
    monkeypatch.setattr(provision, "SERVERS", {"redis-server": ("redis-server", ())})
    monkeypatch.setattr(provision, "GATEWAY", {})
    monkeypatch.setattr(provision, "_docker_answers", lambda: False)
    monkeypatch.setattr("stack.server.SYSTEM_FOLDERS", "")
    monkeypatch.setattr(
        "shutil.which", lambda name, path=None: _which(name, path or os.environ["PATH"].partition(":")[0])
    )
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    return tmp_path


def _which(name: str, path: str) -> str | None:
    found = Path(path.partition(":")[0]) / name
    return str(found) if found.exists() else None


def test_root_on_debian_gets_what_is_missing_and_nothing_starts(machine: Path) -> None:
    assert provision.main() == 0
    log = (machine / "log").read_text()
    assert "redis-server" in log
    assert "policy 101" in log, "Debian's word for: do not start"
    assert not (machine / "policy-rc.d").exists()
    (machine / "log").unlink()
    assert provision.main() == 0
    assert not (machine / "log").exists(), "a second time there is nothing to do"


def test_a_policy_of_the_machine_stays(machine: Path) -> None:
    (machine / "policy-rc.d").write_text("#!/bin/sh\nexit 104\n")
    (machine / "policy-rc.d").chmod(0o755)
    provision.main()
    assert "policy 104" in (machine / "log").read_text()
    assert "104" in (machine / "policy-rc.d").read_text()


@pytest.mark.parametrize(("in_ci", "status"), [("true", 1), ("", 0)])
def test_others_are_told_and_only_ci_fails(
    machine: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], in_ci: str, status: int
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    monkeypatch.setenv("CI", in_ci)
    assert provision.main() == status
    assert "redis-server" in capsys.readouterr().out
    assert not (machine / "log").exists()


def test_with_docker_the_servers_are_not_wanted(machine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(provision, "_docker_answers", lambda: True)
    assert provision.main() == 0
    assert not (machine / "log").exists()


def test_a_browser_and_chinese_letters_are_for_the_pages_alone(machine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CHROMIUM", raising=False)
    monkeypatch.setattr(provision, "FONTS", {"fonts-noto-cjk": ("NoSuchFont.ttc", ("/nowhere/*",))})
    assert provision.main() == 0
    assert "chromium" not in (machine / "log").read_text()
    assert provision.main(["browser"]) == 0
    assert "chromium fonts-noto-cjk" in (machine / "log").read_text()
    (machine / "bin/google-chrome").write_text("")
    monkeypatch.setattr(provision, "FONTS", {})
    (machine / "log").unlink()
    assert provision.main(["browser"]) == 0
    assert not (machine / "log").exists(), "another Chromium does too"
