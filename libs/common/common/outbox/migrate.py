"""Schema changes by Alembic: one chain for the chassis tables, one for the service's own, each with its version table."""

from collections.abc import Iterator
from contextlib import contextmanager
from importlib import resources
from pathlib import Path

import sqlalchemy as sa
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.runtime.environment import EnvironmentContext
from alembic.script import ScriptDirectory

from common.outbox.database import Database

_LOCK = 0x48616F7975616E  # "Haoyuan": two starting migrations wait for each other


def migrate(database: Database, package: str) -> None:
    """Bring the database of service `package` (e.g. "booking_svc") to the newest schema. Safe to run at any time."""
    with database.engine.connect() as conn, _together(conn, sqlite=database.sqlite):
        for script, version_table in _chains(package):
            _upgrade(conn, script, version_table)


@contextmanager
def _together(conn: sa.Connection, *, sqlite: bool) -> Iterator[None]:
    """One transaction, and nobody else's beside it.

    SQLite changes a table by making it anew, which must not look like the end of its rows to those that refer to them: their
    keys are checked at the end (https://www.sqlite.org/lang_altertable.html, section 7). Raises LookupError for one that dangles.
    """
    if not sqlite:
        with conn.begin():
            conn.execute(sa.select(sa.func.pg_advisory_xact_lock(_LOCK)))
            yield
        return
    conn.exec_driver_sql("PRAGMA foreign_keys=OFF")  # a transaction could not change it
    conn.rollback()  # ends what SQLAlchemy takes for one
    try:
        with conn.begin():
            conn.exec_driver_sql("BEGIN IMMEDIATE")
            yield
            if dangling := conn.exec_driver_sql("PRAGMA foreign_key_check").all():
                raise LookupError(f"after the migration these refer to nothing: {dangling[:5]}")
    finally:
        conn.exec_driver_sql("PRAGMA foreign_keys=ON")


def pending(database: Database, package: str) -> bool:
    """True while the database is behind the code: not ready to serve."""
    with database.reading() as conn:
        for script, version_table in _chains(package):
            context = MigrationContext.configure(conn, opts={"version_table": version_table})
            if context.get_current_revision() != script.get_current_head():
                return True
    return False


def _chains(package: str) -> list[tuple[ScriptDirectory, str]]:
    return [(_script("common.outbox"), "alembic_chassis"), (_script(package), "alembic_version")]


def _script(package: str) -> ScriptDirectory:
    location = Path(str(resources.files(package))) / "migrations"
    config = Config()
    config.set_main_option("script_location", str(location).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    return ScriptDirectory.from_config(config)


def _upgrade(conn: sa.Connection, script: ScriptDirectory, version_table: str) -> None:
    with EnvironmentContext(
        Config(),
        script,
        fn=lambda revision, _context: script._upgrade_revs("head", revision),  # noqa: SLF001  as alembic's own command does
    ) as environment:
        environment.configure(connection=conn, version_table=version_table, transactional_ddl=False)
        environment.run_migrations()
