"""The migrations make exactly the tables that the code expects."""

from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from common.outbox import Database
from common.outbox.migrate import migrate, pending
from schedule_svc.store.tables import metadata


def described(engine: sa.Engine) -> dict[str, Any]:
    """What alembic does not compare: checks and the conditions of partial indexes."""
    inspector = sa.inspect(engine)
    out: dict[str, Any] = {}
    for table in metadata.tables:
        checks = {(c["name"], c["sqltext"]) for c in inspector.get_check_constraints(table)}
        partial = {
            (i["name"], str(i.get("dialect_options", {}).get("sqlite_where"))) for i in inspector.get_indexes(table)
        }
        out[table] = (checks, partial)
    return out


@pytest.fixture
def databases(tmp_path: Path) -> Any:
    migrated, made = (Database(f"sqlite:///{tmp_path}/{name}.db") for name in ("migrated", "made"))
    migrate(migrated, "schedule_svc")
    metadata.create_all(made.engine)
    yield migrated, made
    migrated.close()
    made.close()


def test_migrated_schema_is_the_codes(databases: tuple[Database, Database]) -> None:
    migrated, made = databases
    options = {
        "include_object": lambda _o, name, kind, *_: kind != "table" or name in metadata.tables,
        "compare_type": True,
    }
    with migrated.engine.connect() as conn:
        assert compare_metadata(MigrationContext.configure(conn, opts=options), metadata) == []
    assert described(migrated.engine) == described(made.engine)
    assert not pending(migrated, "schedule_svc")


def test_the_comparison_sees_a_difference(databases: tuple[Database, Database]) -> None:
    migrated, made = databases
    with migrated.engine.begin() as conn:
        conn.exec_driver_sql("DROP INDEX reservations_one_per_number")
        conn.exec_driver_sql(
            "CREATE UNIQUE INDEX reservations_one_per_number ON reservations (session_id, queue_number)"
        )
    assert described(migrated.engine) != described(made.engine)
