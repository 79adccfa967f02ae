"""A database of the release before there were persons becomes one of today's, and that release goes on working beside it."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.config import Config
from alembic.runtime.environment import EnvironmentContext
from common.ids import person_of
from common.outbox import Database
from common.outbox import migrate as migrations

FIRST, SECOND, OTHER = ("pat_" + letter * 16 + "t" * 8 for letter in "abc")
T = "'2026-11-01 00:00:00+00:00'"
_MARK = "(id, patient_id, account_id, kind, hospital_id, order_id, session_id, visit, at, expires_at, appeal)"
BEFORE = (
    (
        "INSERT INTO accounts (id, username, username_key, email, password_hash, locale, roles, created_at)"
        f" VALUES ('acc_1', 'a', 'a', '', 'x', 'en', 'patient', {T}), ('acc_2', 'b', 'b', '', 'x', 'en', 'patient', {T})"
    ),
    (
        "INSERT INTO patients (id, account_id, place, name_sealed, id_type, id_number_sealed, id_index, phone_sealed, revision, created_at)"
        f" VALUES ('{SECOND}', 'acc_2', 1, 'n', 'passport', 'i', 'same', 'p', 1, '2026-11-02 00:00:00+00:00'),"
        f" ('{FIRST}', 'acc_1', 1, 'n', 'passport', 'i', 'same', 'p', 1, {T}),"
        f" ('{OTHER}', 'acc_1', 2, 'n', 'passport', 'i', 'other', 'p', 1, {T})"
    ),
    f"INSERT INTO credit_marks {_MARK} VALUES ('m1', '{FIRST}', 'acc_1', 'no_show', 'h', 'o1', 's', '', {T}, {T}, 'none')",
    f"INSERT INTO credit_revisions VALUES ('{FIRST}', 7)",
)


def upgrade(database: Database, revision: str) -> None:
    with database.engine.connect() as conn, conn.begin():
        script = migrations._script("user_svc")
        fn = lambda at, _context: script._upgrade_revs(revision, at)  # noqa: E731
        with EnvironmentContext(Config(), script, fn=fn) as environment:
            environment.configure(connection=conn, version_table="alembic_version", transactional_ddl=False)
            environment.run_migrations()


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.stack)])
def upgraded(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Database]:
    url = f"sqlite:///{tmp_path}/user.db" if request.param == "sqlite" else request.getfixturevalue("postgres_url")
    database = Database(url)
    upgrade(database, "0005")
    with database.engine.begin() as conn:
        for statement in BEFORE:
            conn.execute(sa.text(statement))
    upgrade(database, "0006")
    yield database
    database.close()


def rows(database: Database, query: str) -> list[tuple[object, ...]]:
    with database.reading() as conn:
        return sorted(tuple(row) for row in conn.execute(sa.text(query)))


def test_whoever_was_there_is_a_person(upgraded: Database) -> None:
    """The first that had a document names its person. Ids do not change, so the second is about herself for ever."""
    assert rows(upgraded, "SELECT id_index, person FROM persons") == [
        ("other", person_of(OTHER)),
        ("same", person_of(FIRST)),
    ]
    assert rows(upgraded, "SELECT person FROM credit_marks") == [(person_of(FIRST),)]
    # what the release before writes now
    with upgraded.engine.begin() as conn:
        conn.execute(sa.text(BEFORE[2].replace("m1", "m2").replace("o1", "o2")))
        revision = conn.execute(
            sa.text(
                "INSERT INTO credit_revisions (patient_id, revision) VALUES (:patient, 1)"
                " ON CONFLICT (patient_id) DO UPDATE SET revision = credit_revisions.revision + 1 RETURNING revision"
            ),
            {"patient": FIRST},
        ).scalar_one()
    assert rows(upgraded, "SELECT id, person FROM credit_marks") == [
        ("m1", person_of(FIRST)),
        ("m2", person_of(FIRST)),
    ]
    (ours,) = rows(upgraded, f"SELECT revision FROM credit_revisions WHERE patient_id = '{person_of(FIRST)}'")
    assert 7 < revision < int(str(ours[0])), "newer than what was told, and older than what is told from now on"
