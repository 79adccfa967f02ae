"""The documentation is true: generated pages are those of the code, links lead somewhere, commands and files exist."""

import json
import re
import subprocess
from pathlib import Path

import pytest
import yaml
from code_rules import ROOT
from common.messages import CATALOGUE

from audit.invariants import RULES
from docs import generate
from docs.generators import routes, saga, settings
from docs.generators.services import build_all, build_audit

NOT_OURS = {"var", "node_modules", "dist"}
PAGES = [
    path
    for path in sorted(ROOT.rglob("*.md"))
    if not any(part.startswith(".") or part in NOT_OURS for part in path.relative_to(ROOT).parts)
]
LINK = re.compile(r"(?<!!)\[[^\]]*\]\(([^)\s]+)\)")


def without_code(text: str) -> str:
    """A page without its blocks of code, where brackets mean other things."""
    return re.sub(r"```.*?```", "", text, flags=re.DOTALL)


def anchors(text: str) -> set[str]:
    """The anchors that GitHub gives to a page's headings."""
    titles = re.findall(r"^#+\s+(.+?)\s*$", without_code(text), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", re.sub(r"[`*]", "", title)).lower().replace(" ", "-") for title in titles}


def broken_links(page: Path, text: str) -> list[str]:
    """Links of a page to files and headings that are not there."""
    broken = []
    for target in LINK.findall(without_code(text)):
        if re.match(r"[a-z]+:", target):
            continue
        file, _, anchor = target.partition("#")
        path = (page.parent / file).resolve() if file else page
        if not path.exists() or (anchor and anchor not in anchors(path.read_text(encoding="utf-8"))):
            broken.append(target)
    return broken


# --- generated pages -------------------------------------------------------------------------------------------------


def test_no_generated_page_is_stale():
    assert generate.stale(generate.pages(), generate.HERE) == [], "run: python -m docs.generate"


def test_generating_again_gives_the_same_bytes():
    first = generate.pages()
    build_all.cache_clear()
    assert generate.pages() == first


def test_a_stale_a_missing_and_a_left_over_page_are_found_and_mended(tmp_path):
    wanted = {"a.md": "new", "b.md": "b", "openapi/x.json": "{}"}
    (tmp_path / "openapi").mkdir()
    (tmp_path / "a.md").write_text("old")
    (tmp_path / "openapi" / "gone.json").write_text("{}")
    assert generate.stale(wanted, tmp_path) == ["a.md", "b.md", "openapi/gone.json", "openapi/x.json"]
    generate.write(wanted, tmp_path)
    assert generate.stale(wanted, tmp_path) == []
    assert not (tmp_path / "openapi" / "gone.json").exists()


def test_the_check_names_what_is_stale_and_fails(monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(generate, "HERE", tmp_path)
    monkeypatch.setattr(generate, "pages", lambda: {"saga.md": "x"})
    assert generate.main(["--check"]) == 1
    assert "docs/saga.md: stale" in capsys.readouterr().out
    assert not (tmp_path / "saga.md").exists()
    assert generate.main([]) == 0
    assert generate.main(["--check"]) == 0


def test_the_saga_page_has_every_state_and_every_pair():
    text = saga.page()
    for state in saga.State:
        assert f"`{state}`" in text
    rows = [line for line in text.splitlines() if line.startswith(tuple(f"| {what} |" for what in saga.Input))]
    assert len(rows) == len(saga.Input)
    assert all(row.count("|") == len(saga.State) + 2 and "|  |" not in row for row in rows)


def test_every_reference_in_the_asyncapi_document_leads_somewhere():
    document = yaml.safe_load((generate.HERE / "asyncapi.yaml").read_text(encoding="utf-8"))
    references = set(re.findall(r"'\$ref': '#/([^']+)'", str(document)))
    assert len(references) > len(CATALOGUE)
    for reference in references:
        found = document
        for part in reference.split("/"):
            found = found[part]


def test_every_reference_in_the_openapi_documents_leads_somewhere():
    for file in (generate.HERE / "openapi").glob("*.json"):
        document = json.loads(file.read_text(encoding="utf-8"))
        for reference in set(re.findall(r"'\$ref': '#/([^']+)'", str(document))):
            found = document
            for part in reference.split("/"):
                found = found[part]


def test_every_description_of_a_variable_is_of_one_that_somebody_reads():
    assert set(settings.ABOUT) == settings.known_variables()


def test_variables_that_are_read_without_settings_are_found_with_their_defaults():
    found = settings.direct()
    assert {"PORT": "8000", "WEB_CONCURRENCY": "2", "PROMETHEUS_MULTIPROC_DIR": ""}.items() <= found.items()
    assert "CRASH_AT" not in found, "Settings has it"


def test_what_make_run_and_make_stack_read_is_told_with_its_defaults():
    folders = {
        "make run": "embedded",
        "make stack": "stack",
        "make run, make stack": "tools/*/*_sandbox",
    }
    for command, name, default, _ in settings.ON_ONE_MACHINE:
        code = "".join(p.read_text(encoding="utf-8") for p in ROOT.glob(f"{folders[command]}/*.py"))
        given = re.search(rf'env\w*\.get\("{name}"(?:, |\) or )"?([\w./]+)', code)
        assert given, f"{command} reads no {name}"
        assert given[1].startswith(default), (name, given[1])


# --- pages written by hand -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_links_lead_somewhere(page):
    assert broken_links(page, page.read_text(encoding="utf-8")) == []


def test_broken_links_are_found(tmp_path):
    page = tmp_path / "page.md"
    text = "# One `two`\n[a](page.md) [b](nowhere.md) [c](#one-two) [d](#three) [e](https://example.org/x)"
    page.write_text(text)
    assert broken_links(page, text) == ["nowhere.md", "#three"]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_make_targets_exist(page):
    targets = set(re.findall(r"^([a-z][a-z-]*):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    named = set(
        re.findall(r"`make ([a-z-]+)|^(?:\s{4})?make ([a-z-]+)", page.read_text(encoding="utf-8"), re.MULTILINE)
    )
    assert {a or b for a, b in named} - targets == set()


def repository_paths(text: str) -> set[str]:
    """What a page names in backquotes that looks like a file of ours."""
    return set(
        re.findall(r"`((?:libs|services|embedded|stack|tests|deploy|docs|audit|demo|bench)/[\w./*-]*\w/?)`", text)
    )


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_named_files_exist(page):
    for name in repository_paths(page.read_text(encoding="utf-8")):
        assert any(ROOT.glob(name.rstrip("/"))), name


def test_both_readmes_show_the_same_commands():
    def commands(name: str) -> list[str]:
        blocks = re.findall(r"```(?:sh|bash)\n(.*?)```", (ROOT / name).read_text(encoding="utf-8"), re.DOTALL)
        return [line.split(" #")[0].strip() for block in blocks for line in block.splitlines() if line.strip()]

    assert commands("README.md")
    assert commands("README.md") == commands("README.zh-CN.md")


def test_decisions_are_numbered_and_tell_why():
    files = sorted((ROOT / "docs/adr").glob("[0-9]*.md"))
    assert [file.name[:4] for file in files] == [f"{n:04d}" for n in range(1, len(files) + 1)]
    index = (ROOT / "docs/adr/README.md").read_text(encoding="utf-8")
    for file in files:
        text = file.read_text(encoding="utf-8")
        for heading in ("## Context", "## Decision", "## Consequences"):
            assert heading in text, f"{file.name} has no {heading}"
        assert f"({file.name})" in index, f"{file.name} is not in the list"


def test_make_check_checks_the_pages():
    recipe = subprocess.run(["make", "-n", "check"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert "-m docs.generate --check" in recipe


OPERATIONS = ROOT / "docs/operations.md"


def test_operations_names_every_payment_alarm_and_every_rule_of_the_audit():
    text = OPERATIONS.read_text(encoding="utf-8")
    code = "".join(p.read_text(encoding="utf-8") for p in (ROOT / "services/payment-svc/payment_svc").rglob("*.py"))
    kinds = set(re.findall(r'\balarm\(\s*"([a-z_]+)"', code))
    assert len(kinds) > 5
    assert [kind for kind in sorted(kinds) if f"`{kind}`" not in text] == []
    assert [rule.__name__ for rule in RULES if f"`{rule.__name__}`" not in text] == []


def test_operations_watches_metrics_that_exist():
    named = set(re.findall(r"haoyuan_[a-z_]+", OPERATIONS.read_text(encoding="utf-8")))
    code = "".join(p.read_text(encoding="utf-8") for d in ("libs", "services") for p in (ROOT / d).rglob("*.py"))
    assert named
    assert [name for name in sorted(named) if f'"{name}"' not in code] == []


def test_operations_sends_staff_to_routes_that_exist():
    text = OPERATIONS.read_text(encoding="utf-8")
    known = {(r.method, re.sub(r"<[^>]+>", "{}", r.rule)) for s in (*build_all(), build_audit()) for r in routes.of(s)}
    named = set(re.findall(r"`(GET|POST|PATCH) (/api/v1/[\w/{}<>-]+)", text))
    named = {(method, re.sub(r"\{[^}]*\}", "{}", path)) for method, path in named if "<svc>" not in path}
    assert named
    assert named - known == set()
