"""The pages that follow from the code: `python -m docs.generate` writes them, with `--check` it names the stale ones.

A page that is written by hand tells why; these tell what, and cannot be wrong: tests/test_docs.py compares them.
"""

import argparse
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from docs.generators import asyncapi, messages, openapi, rosters, routes, saga, settings
from docs.generators.services import build_all, build_audit

HERE = Path(__file__).parent
OPENAPI = "openapi"


def pages() -> dict[str, str]:
    """Every generated page: its path below docs/, and what must stand in it."""
    services = build_all()
    answering = (*services, build_audit())
    return {
        "saga.md": saga.page(),
        "messages.md": messages.page(services),
        "asyncapi.yaml": asyncapi.document(services),
        "routes.md": routes.page(answering),
        "settings.md": settings.page(),
        **rosters.documents(),
        **{f"{OPENAPI}/{one.name}.json": openapi.document(one) for one in answering},
    }


def stale(wanted: Mapping[str, str], folder: Path) -> list[str]:
    """What differs from `wanted` in `folder`, is missing, or is the document of nothing that there is."""
    different = [
        name
        for name, text in wanted.items()
        if not (folder / name).is_file() or (folder / name).read_text(encoding="utf-8") != text
    ]
    folders = (OPENAPI, rosters.FOLDER)
    present = {path.relative_to(folder).as_posix() for name in folders for path in folder.glob(f"{name}/*")}
    return sorted({*different, *(present - set(wanted))})


def write(wanted: Mapping[str, str], folder: Path) -> None:
    """Make `folder` hold exactly `wanted`."""
    for name in stale(wanted, folder):
        path = folder / name
        if name not in wanted:
            path.unlink()
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(wanted[name], encoding="utf-8")


def main(argv: Sequence[str]) -> int:
    """The command line. Answers 1 if --check found a stale page."""
    parser = argparse.ArgumentParser(prog="python -m docs.generate", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 if a page is stale")
    options = parser.parse_args(argv)
    wanted = pages()
    names = stale(wanted, HERE)
    for name in names:
        sys.stdout.write(f"docs/{name}: {'stale, run python -m docs.generate' if options.check else 'written'}\n")
    if options.check:
        return 1 if names else 0
    write(wanted, HERE)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
