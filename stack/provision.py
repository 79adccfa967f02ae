"""Gets the servers for the tests and `make stack`: `python -m stack.provision`; with `browser`, what the pages are looked at with.
Does nothing where they can be had already.

On Debian and its kin, as root, missing packages are installed without starting any service. Elsewhere it names what is missing, and
the tests that need it are skipped; with CI=true that is an error (exit status 1).
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from stack import browser, postgres, rabbitmq
from stack.server import ServersUnavailable, find_program

Wanted = Mapping[str, tuple[str, Sequence[str]]]

SERVERS: Wanted = {
    "rabbitmq-server": ("rabbitmq-server", rabbitmq.FOLDERS),
    "postgresql": ("postgres", (postgres.FOLDER,)),
    "redis-server": ("redis-server", ()),
}
GATEWAY: Wanted = {"nginx": ("nginx", ())}
"""Debian's package: the program that we need of it, and where it may be. The gateway runs as a process beside containers too."""
FONTS: Wanted = {
    "fonts-noto-cjk": ("NotoSansCJK-Regular.ttc", ("/usr/share/fonts/opentype/noto", "/usr/share/fonts/*/*"))
}
"""Without them 号源 is two boxes."""
APT = ["apt-get", "--quiet", "-o", "DPkg::Lock::Timeout=120"]
POLICY = Path("/usr/sbin/policy-rc.d")
POLICY_TEXT = "#!/bin/sh\nexit 101\n"  # Debian's way to say: install, but start nothing


def main(arguments: Sequence[str] = ()) -> int:
    """Exit status 0 if what is wanted can be had, or may be done without."""
    look = _missing_for_pages if "browser" in arguments else _missing_servers
    missing = look()
    if missing and shutil.which("apt-get") and os.geteuid() == 0:
        _install(missing)
        missing = look()
    if not missing:
        return 0
    print(f"not installed (Debian's names): {', '.join(missing)}. Tests that need them are skipped.", flush=True)
    return 1 if os.environ.get("CI") == "true" else 0


def _missing_servers() -> list[str]:
    return _missing(GATEWAY if _docker_answers() else {**SERVERS, **GATEWAY})


def _missing_for_pages() -> list[str]:
    return [*(["chromium"] if browser.find() is None else []), *_missing(FONTS)]


def _missing(wanted: Wanted) -> list[str]:
    return [package for package, (name, folders) in wanted.items() if find_program(name, *folders) is None]


def _docker_answers() -> bool:
    try:
        from stack import containers

        containers.knock()
    except (ImportError, ServersUnavailable):
        return False
    return True


def _install(packages: Sequence[str]) -> None:
    """What fails is seen by what is missing afterwards; apt says why."""
    print(f"installs {', '.join(packages)} for the tests; starts no service of them", flush=True)
    environment = dict(os.environ) | {"DEBIAN_FRONTEND": "noninteractive", "RUNLEVEL": "1"}
    with _nothing_starts():
        for arguments in (["update"], ["install", "--yes", "--no-install-recommends", *packages]):
            subprocess.run([*APT, *arguments], env=environment, check=False)


@contextmanager
def _nothing_starts() -> Iterator[None]:
    """Deny packages to start their services meanwhile. A policy that the machine has already stays as it is."""
    if POLICY.exists():
        yield
        return
    POLICY.write_text(POLICY_TEXT)
    POLICY.chmod(0o755)
    try:
        yield
    finally:
        POLICY.unlink()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
