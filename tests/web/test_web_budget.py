"""How much JavaScript a phone loads before a page of the patients stands there."""

import gzip
import json
import re
from pathlib import Path
from typing import Any

import pytest

LIMIT = 200_000
"""Bytes, gzipped."""
ENTRY = "index.html"
AREAS = ("", "orders", "clinic", "inbox", "account")
"""Parts of vite.config.ts that come with a first page; the pages of finding are in the frame itself."""
OF_STAFF = re.compile(
    r"^node_modules/(element-plus|@element-plus|echarts|zrender)/|^src/staff/(?!desks\.ts|routes\.ts|\w+/routes\.ts)|^src/board/(?!routes\.ts)"
)
"""Modules that a patient has no use for; which addresses there are, and who may open them, all know."""

Manifest = dict[str, dict[str, Any]]


def loaded(manifest: Manifest, *names: str) -> set[str]:
    """The scripts of these parts and of all that they import at once, by their files' names."""
    found: set[str] = set()
    todo = list(names)
    while todo:
        part = manifest[todo.pop()]
        if part["file"] not in found:
            found.add(part["file"])
            todo += part.get("imports", [])
    return {name for name in found if name.endswith(".js")}


def first(dist: Path, area: str) -> set[str]:
    """What the first page loads, if it is of this area."""
    manifest: Manifest = json.loads((dist / ".vite/manifest.json").read_text(encoding="utf-8"))
    parts = [key for key, part in manifest.items() if area and part.get("name") == area and key.endswith(".js")]
    assert len(parts) == bool(area), f"{area} is not one part"
    return loaded(manifest, ENTRY, *parts)


def weight(dist: Path, files: set[str]) -> dict[str, int]:
    """Bytes of each as it goes over the network."""
    return {name: len(gzip.compress((dist / name).read_bytes(), 9)) for name in files}


@pytest.mark.parametrize("area", AREAS)
def test_the_first_page_of_the_patients_is_light(pages, area):
    weights = weight(pages, first(pages, area))
    heaviest = sorted(weights.items(), key=lambda each: -each[1])
    assert sum(weights.values()) < LIMIT, f"{sum(weights.values())} bytes: {heaviest}"


@pytest.mark.parametrize("area", AREAS)
def test_a_patient_loads_nothing_of_the_staffs_pages(pages, area):
    modules: dict[str, list[str]] = json.loads((pages / ".vite/modules.json").read_text(encoding="utf-8"))
    assert any(map(OF_STAFF.search, (name for names in modules.values() for name in names))), "some page has them"
    assert {
        name: found
        for name in first(pages, area)
        if (found := [each for each in modules[name] if OF_STAFF.search(each)])
    } == {}


def test_what_is_imported_at_once_counts_and_what_is_loaded_later_does_not():
    manifest: Manifest = {
        "index.html": {"file": "a.js", "imports": ["_b.js"], "dynamicImports": ["later.vue"]},
        "_b.js": {"file": "b.js", "imports": ["index.html"]},
        "later.vue": {"file": "later.js", "imports": ["_b.js"]},
    }
    assert loaded(manifest, "index.html") == {"a.js", "b.js"}
    assert loaded(manifest, "index.html", "later.vue") == {"a.js", "b.js", "later.js"}


def test_weights_are_what_goes_over_the_network(tmp_path):
    (tmp_path / "a.js").write_text("x" * 10_000)
    assert weight(tmp_path, {"a.js"})["a.js"] < 100
