"""What thousands of tests do alike is done once for each process: an empty SQLite database is brought to its newest schema by
what the first migration left behind, and the published RSA keys are checked for being primes once, not for every world.

What no test can tell is left out: waiting for the disk, and making URLs of routes of which nobody asks for one.

A pytest plugin (conftest.py). Migrations of databases that hold something run as always, and so do those of PostgreSQL.
"""

import functools
import importlib
from collections.abc import Iterator
from typing import Any

import pytest
import sqlalchemy as sa
import structlog
from alembic.script import ScriptDirectory
from common.outbox import engine, migrate
from werkzeug.routing import Rule

_SCHEMA = sa.text(
    "SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite_%' ORDER BY rowid"
)


def remembering(upgrade: Any) -> Any:
    """`_upgrade`, quicker from the second time on for databases that have the same tables as the first had then."""
    known: dict[tuple[Any, ...], list[str]] = {}

    def quick(conn: sa.Connection, script: Any, version_table: str) -> None:
        if conn.dialect.name != "sqlite" or _holds(conn, version_table):
            upgrade(conn, script, version_table)
            return
        before = _schema(conn)
        key = (script.dir, script.get_current_head(), version_table, *sorted(before))
        if key not in known:
            upgrade(conn, script, version_table)
            after = _schema(conn)
            assert before.items() <= after.items(), "a new chain changes nothing that was there"
            version = conn.exec_driver_sql(f"SELECT version_num FROM {version_table}").scalar_one()
            made = [sql for name, sql in after.items() if name not in before]
            if _empty(conn, after.keys() - before.keys() - {version_table}):
                known[key] = [*made, f"INSERT INTO {version_table} (version_num) VALUES ('{version}')"]
            return
        for statement in known[key]:
            conn.exec_driver_sql(statement)

    return quick


def _schema(conn: sa.Connection) -> dict[str, str]:
    return dict(conn.execute(_SCHEMA).all())


def _holds(conn: sa.Connection, table: str) -> bool:
    return bool(conn.execute(sa.text("SELECT 1 FROM sqlite_master WHERE name = :name"), {"name": table}).scalar())


def _empty(conn: sa.Connection, names: set[str]) -> bool:
    tables = conn.execute(sa.text("SELECT name FROM sqlite_master WHERE type = 'table'")).scalars()
    return not any(
        conn.exec_driver_sql(f"SELECT EXISTS (SELECT 1 FROM {name})").scalar() for name in tables if name in names
    )


_SLOW = (
    ("Cryptodome.PublicKey.RSA", "importKey"),  # as python-alipay-sdk calls it
    ("wechatpayv3.core", "load_private_key"),
    ("payment_svc.providers.keys", "load_der_private_key"),
)
"""What reads an RSA key: some 30 ms each, in every world of payments."""


def plain_logs() -> None:
    """Where a test has not configured logs, structlog would draw each traceback with the values of all variables, by rich, which
    schemathesis brings: that takes longer than most tests, and is not what a service does.
    """
    *first, _last = structlog.get_config()["processors"]
    plain = structlog.dev.ConsoleRenderer(colors=False, exception_formatter=structlog.dev.plain_traceback)
    structlog.configure(processors=[*first, plain])


def headed(get_current_head: Any) -> Any:
    """`ScriptDirectory.get_current_head`, which loads every revision of a folder, asked once for each folder."""
    heads: dict[str, Any] = {}

    def quick(script: Any) -> Any:
        if script.dir not in heads:
            heads[script.dir] = get_current_head(script)
        return heads[script.dir]

    return quick


def unsynced(prepare: Any) -> Any:
    """`_prepare_sqlite`, without waiting for the disk: what was written survives us by the kernel's cache, and kill -9 too."""

    def quick(connection: Any, record: Any) -> None:
        prepare(connection, record)
        connection.execute("PRAGMA synchronous=OFF").close()

    return quick


def unbuilt(compile_builder: Any) -> Any:
    """`Rule._compile_builder`, when a URL is first made of the rule: werkzeug compiles two functions for every route."""

    def quick(rule: Any, append_unknown: bool = True) -> Any:
        @functools.cache
        def made() -> Any:
            return compile_builder(rule, append_unknown)

        def build(self: Any, **values: Any) -> Any:
            return made()(self, **values)

        return build

    return quick


@pytest.fixture(scope="session", autouse=True)
def quick_setup() -> Iterator[None]:
    plain_logs()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(migrate, "_upgrade", remembering(migrate._upgrade))
        patch.setattr(ScriptDirectory, "get_current_head", headed(ScriptDirectory.get_current_head))
        patch.setattr(engine, "_prepare_sqlite", unsynced(engine._prepare_sqlite))
        patch.setattr(Rule, "_compile_builder", unbuilt(Rule._compile_builder))
        for module, name in _SLOW:
            read = getattr(importlib.import_module(module), name)
            patch.setattr(f"{module}.{name}", functools.cache(read))
        yield
