"""The rules of the tree, as functions from a source file to what is wrong in it. test_architecture.py applies them, and
plants a violation of each to show that it can fail.
"""

import ast
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatch
from functools import cached_property
from pathlib import Path

from common.platform import SERVICES

ROOT = Path(__file__).parent.parent
LONGEST_FILE, LONGEST_FUNCTION = 400, 40  # lines

PACKAGES = {name: f"services/{name}/{name.replace('-', '_')}" for name in SERVICES}
TOOLS = {typed.parent.name: typed.parent.relative_to(ROOT).as_posix() for typed in ROOT.glob("tools/*/*/py.typed")}
CODE = (
    "libs/common/common",
    "libs/roster/haoyuan_roster_format",
    "libs/waiting/haoyuan_waiting",
    *sorted(PACKAGES.values()),
    *sorted(TOOLS.values()),
    "embedded",
    "stack",
    "demo",
    "bench",
    "audit",
    "docs",
    "deploy",
)


@dataclass(frozen=True)
class Source:
    """A Python file: its path below the root, and its text."""

    path: str
    text: str

    @cached_property
    def tree(self) -> ast.Module:
        return ast.parse(self.text, self.path)

    @cached_property
    def module(self) -> str:
        """Its dotted name, as others import it."""
        parts = self.path.removesuffix(".py").removesuffix("/__init__").split("/")
        return ".".join(parts[2:] if parts[0] in {"libs", "services", "tools"} else parts)

    @property
    def root(self) -> str:
        """The package that it belongs to: common, booking_svc, stack..."""
        return self.module.split(".")[0]

    def imports(self, *, everywhere: bool = True) -> Iterator[tuple[int, str]]:
        """Line and name of everything imported; `from a import b` counts as a.b. Not `everywhere`: when it is loaded."""
        for node in ast.walk(self.tree) if everywhere else self.tree.body:
            if isinstance(node, ast.Import):
                yield from ((node.lineno, alias.name) for alias in node.names)
            elif isinstance(node, ast.ImportFrom):
                assert node.level == 0, f"{self.path}:{node.lineno}: a relative import"
                yield from ((node.lineno, f"{node.module}.{alias.name}") for alias in node.names)


def sources() -> list[Source]:
    """All code of the tree but tests and migrations."""
    files = [file for folder in CODE for file in sorted((ROOT / folder).rglob("*.py"))]
    paths = [file.relative_to(ROOT).as_posix() for file in files]
    return [
        Source(path, (ROOT / path).read_text(encoding="utf-8"))
        for path in paths
        if "/tests/" not in path and "/migrations/versions/" not in path
    ]


def within(name: str, package: str) -> bool:
    return name == package or name.startswith(f"{package}.")


# --- who may import whom ---------------------------------------------------------------------------------------------

_SERVICE_PACKAGES = {name.replace("-", "_") for name in SERVICES}

MAY_IMPORT: dict[str, set[str]] = {
    "common": set(),
    "haoyuan_roster_format": set(),
    "haoyuan_waiting": set(),
    **{tool: {"haoyuan_roster_format"} for tool in TOOLS},
    **{package: {"common", "haoyuan_roster_format", "haoyuan_waiting"} for package in _SERVICE_PACKAGES},
    "embedded": {"common", "demo", "stack", "audit", *_SERVICE_PACKAGES},
    "docs": {"common", "haoyuan_roster_format", "haoyuan_waiting", "audit", *_SERVICE_PACKAGES},
    "audit": {"common", "demo"},
    "demo": {"common", "haoyuan_roster_format"},
    "stack": {"common"},
    "bench": {"common", "haoyuan_roster_format", "haoyuan_waiting", "payment_sandbox", "demo", "stack", "audit"},
    "deploy": set(),
}
"""Package -> the other packages of this tree that it may know. Tools may know services by their HTTP and environment only."""


def foreign_imports(source: Source) -> Iterator[str]:
    """Common knows no service, no service knows another, nothing knows the tools."""
    forbidden = set(MAY_IMPORT) - MAY_IMPORT[source.root] - {source.root} | {"tests"}
    for line, name in source.imports():
        if name.split(".")[0] in forbidden:
            yield f"{source.path}:{line}: {source.root} must not know {name}"


# --- layers within a service -----------------------------------------------------------------------------------------

RANKS = {"domain": 0, "saga": 1, "store": 2, "usecases": 3, "api": 4, "worker": 4, "app": 5, "planner": 5}
"""A module imports only modules of lower rank; the other modules of a service stand between domain and usecases."""
_DOMAIN_MAY = {"common.errors", "common.clock", "common.messages", "common.ids"}
_SAGA_MAY = {"common.messages"}


def layer(module: str) -> str:
    """The first part of a module's name in its service: user_svc.store.sql -> store; "" for the service itself."""
    return module.partition(".")[2].partition(".")[0]


def wrong_layers(source: Source) -> Iterator[str]:
    """Imports run one way within a service."""
    if source.root not in _SERVICE_PACKAGES:
        return
    mine = layer(source.module)
    for line, name in source.imports():
        if not within(name, source.root):
            continue
        other = layer(name)
        if other == mine or other not in RANKS:
            continue
        allowed = RANKS[other] < RANKS[mine] if mine in RANKS else RANKS[other] < RANKS["usecases"]
        if not allowed and mine:
            yield f"{source.path}:{line}: {mine} must not know {other}"


def impure_domain(source: Source) -> Iterator[str]:
    """domain.py knows the standard library, and of common errors, clock, messages and ids; saga.py messages only."""
    if source.root not in _SERVICE_PACKAGES or layer(source.module) not in {"domain", "saga"}:
        return
    known = _SAGA_MAY if layer(source.module) == "saga" else _DOMAIN_MAY
    for line, name in source.imports():
        if name.split(".")[0] in sys.stdlib_module_names or within(name, source.root):
            continue
        if not any(within(name, allowed) for allowed in known):
            yield f"{source.path}:{line}: {layer(source.module)} must not know {name}"


def cycles(all_sources: Iterable[Source]) -> Iterator[str]:
    """No module is loaded by what it loads itself."""
    modules = {source.module: source for source in all_sources}
    edges = {
        name: {
            target
            for _, imported in source.imports(everywhere=False)
            for target in (imported, imported.rpartition(".")[0])
            if target in modules and target != name and not within(name, target)
        }
        for name, source in modules.items()
    }
    done: set[str] = set()

    def visit(name: str, path: tuple[str, ...]) -> Iterator[str]:
        if name in path:
            yield " -> ".join([*path[path.index(name) :], name])
        elif name not in done:
            for target in sorted(edges[name]):
                yield from visit(target, (*path, name))
            done.add(name)

    for name in sorted(edges):
        yield from visit(name, ())


# --- libraries that have their place ---------------------------------------------------------------------------------

HTTP = ("flask", "flask_smorest", "marshmallow", "webargs", "werkzeug", "apispec")
SQL = ("sqlalchemy", "alembic", "psycopg", "sqlite3")
AMQP = ("kombu", "amqp", "pika")
MONGO = ("pymongo", "bson")
_SVC = "services/*/*_svc"

PLACES: dict[tuple[str, ...], tuple[str, ...]] = {
    SQL: (f"{_SVC}/store.py", f"{_SVC}/store/*", "libs/common/common/outbox/*", f"{_SVC}/migrations/*"),
    MONGO: (f"{_SVC}/store.py", f"{_SVC}/store/*"),
    HTTP: (
        f"{_SVC}/api.py",
        f"{_SVC}/api/*",
        f"{_SVC}/app.py",
        "libs/common/common/web/*",
        "embedded/front.py",
        "embedded/pages.py",
    ),
    AMQP: ("libs/common/common/broker/*",),
}
"""Library -> where it may be imported. Tools (stack, bench, audit) may import what they like."""

EXCEPTIONS: dict[tuple[str, str], str] = {
    ("libs/common/common/web/idempotency.py", "sqlalchemy"): "keeps an answer in the same transaction as its effect",
    ("libs/common/common/service.py", "flask"): "the type of a service's web application",
    ("libs/common/common/service.py", "sqlalchemy"): "the type of what a service's figures are read from",
    ("libs/common/common/run.py", "flask"): "the type of what gunicorn gets",
    ("libs/common/common/testing.py", "sqlalchemy"): "tests look into the outbox",
    ("libs/common/common/testing.py", "flask"): "tests are clients",
    ("libs/common/common/testing.py", "werkzeug"): "tests are clients",
    (
        "services/booking-svc/booking_svc/usecases/placing.py",
        "sqlalchemy",
    ): "catches the loser of two equal requests at once",
}
"""(file, library) -> why it may."""


def misplaced_libraries(source: Source, exceptions: Mapping[tuple[str, str], str] = EXCEPTIONS) -> Iterator[str]:
    """SQL stands in stores, HTTP at the edge, AMQP in the broker."""
    if not source.path.startswith(("libs/", "services/", "embedded/")):
        return
    for libraries, places in PLACES.items():
        if any(fnmatch(source.path, place) for place in places):
            continue
        for line, name in source.imports():
            library = name.split(".")[0]
            if library in libraries and (source.path, library) not in exceptions:
                yield f"{source.path}:{line}: {library} has no place here"


# --- sizes -----------------------------------------------------------------------------------------------------------


def oversized(source: Source) -> Iterator[str]:
    """Files and functions that nobody can take in at once."""
    lines = source.text.count("\n")
    if lines > LONGEST_FILE:
        yield f"{source.path}: {lines} lines"
    for node in ast.walk(source.tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            length = (node.end_lineno or 0) - node.lineno + 1
            if length > LONGEST_FUNCTION:
                yield f"{source.path}:{node.lineno}: {node.name} has {length} lines"


# --- messages --------------------------------------------------------------------------------------------------------


def constructed(source: Source, names: set[str]) -> Iterator[tuple[str, int]]:
    """Which messages of the catalogue this file makes, and where. `names`: the classes'."""
    local = {}
    for node in ast.walk(source.tree):
        if isinstance(node, ast.ImportFrom) and node.module == "common.messages":
            local.update({alias.asname or alias.name: alias.name for alias in node.names if alias.name in names})
    for node in ast.walk(source.tree):
        if not isinstance(node, ast.Call):
            continue
        if isinstance(node.func, ast.Name) and node.func.id in local:
            yield local[node.func.id], node.lineno
        elif (
            isinstance(node.func, ast.Attribute)
            and isinstance(node.func.value, ast.Name)
            and node.func.value.id == "messages"
            and node.func.attr in names
        ):
            yield node.func.attr, node.lineno


def wrong_senders(all_sources: Iterable[Source], senders: Mapping[str, str]) -> Iterator[str]:
    """Each message is made by the service that the catalogue names, and by no other."""
    made: dict[str, set[str]] = {name: set() for name in senders}
    for source in all_sources:
        if source.root not in _SERVICE_PACKAGES:
            continue
        service = source.root.replace("_", "-")
        for name, line in constructed(source, set(senders)):
            made[name].add(service)
            if service != senders[name]:
                yield f"{source.path}:{line}: {name} is {senders[name]}'s to send"
    yield from (f"{name}: {senders[name]} never sends it" for name, services in made.items() if not services)
