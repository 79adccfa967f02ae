"""Addresses that are proved, codes, failures, devices, persons, guardians, the trail of security-relevant acts.

Revision ID: 0006
Revises: 0005
"""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

_time = sa.DateTime(timezone=True)
_PERSON_OF = "CASE length(patient_id) WHEN 44 THEN substr(patient_id, 29) WHEN 28 THEN substr(patient_id, 5, 16) ELSE patient_id END"
_NOTED = ("id", "at", "act", "actor", "about", "hospital_id", "network", "facts")


def upgrade() -> None:
    _accounts()
    _logins()
    _persons()
    _trail()


def _accounts() -> None:
    for column in (
        sa.Column("email_sealed", sa.Text),
        sa.Column("email_index", sa.Text),
        sa.Column("email_verified_at", _time),
        sa.Column("phone_index", sa.Text),
        sa.Column("phone_verified_at", _time),
        sa.Column("contact_revision", sa.Integer, nullable=False, server_default="0"),
        sa.Column("doctor_id", sa.Text),
        sa.Column("deleted_at", _time),
    ):
        op.add_column("accounts", column)
    for name in ("email_index", "phone_index", "hospital_id"):
        op.create_index(f"ix_accounts_{name}", "accounts", [name])


def _logins() -> None:
    for name in ("device", "network"):
        op.add_column("logins", sa.Column(name, sa.Text, nullable=False, server_default=""))
    op.create_table(
        "login_failures",
        sa.Column("key", sa.Text, primary_key=True),
        sa.Column("count", sa.Integer, nullable=False),
        sa.Column("under_way", sa.Integer, nullable=False),
        sa.Column("last_at", _time, nullable=False),
        sa.Column("locked_until", _time),
    )
    op.create_index("ix_login_failures_last_at", "login_failures", ["last_at"])
    op.create_table(
        "codes",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("purpose", sa.Text, nullable=False),
        sa.Column("channel", sa.Text, nullable=False),
        sa.Column("to_index", sa.Text, nullable=False),
        sa.Column("account_id", sa.Text),
        sa.Column("code_hash", sa.Text, nullable=False),
        sa.Column("created_at", _time, nullable=False),
        sa.Column("expires_at", _time, nullable=False),
        sa.Column("network", sa.Text, nullable=False, server_default=""),
        sa.Column("tries", sa.Integer, nullable=False),
        sa.Column("tries_elsewhere", sa.Integer, nullable=False, server_default="0"),
        sa.Column("used_at", _time),
        sa.CheckConstraint("channel IN ('email', 'sms')", name="codes_channel"),
        sa.CheckConstraint(
            "purpose IN ('register', 'login', 'reset', 'confirm', 'export', 'delete')", name="codes_purpose"
        ),
    )
    op.create_index("ix_codes_created_at", "codes", ["created_at"])
    op.create_index("codes_to", "codes", ["to_index", "purpose", "created_at"])


def _persons() -> None:
    op.create_table(
        "persons",
        sa.Column("id_index", sa.Text, primary_key=True),
        sa.Column("person", sa.Text, nullable=False),
        sa.Column("created_at", _time, nullable=False),
    )
    op.create_index("ix_persons_person", "persons", ["person"])
    # whoever is there already is about herself: the first that had the document names the person
    op.execute(
        "INSERT INTO persons (id_index, person, created_at)"
        " SELECT id_index, substr(id, 5, 16), created_at FROM patients AS first WHERE NOT EXISTS ("
        " SELECT 1 FROM patients AS other WHERE other.id_index = first.id_index"
        " AND (other.created_at < first.created_at OR (other.created_at = first.created_at AND other.id < first.id)))"
    )
    op.add_column("patients", sa.Column("about_sealed", sa.Text))
    op.add_column("patients", sa.Column("guardian_id", sa.Text))
    gone = sa.text("id_number_sealed = '' AND id_index <> ''")
    op.create_index("patients_gone", "patients", ["id"], postgresql_where=gone, sqlite_where=gone)
    op.create_index(
        "patients_gone_person",
        "patients",
        [sa.text(f"({_PERSON_OF.replace('patient_id', 'id')})")],
        postgresql_where=gone,
        sqlite_where=gone,
    )
    # computed, so that marks count which the release before this one makes; SQLite adds no stored column to a table that is there
    stored = op.get_bind().dialect.name == "postgresql"
    op.add_column("credit_marks", sa.Column("person", sa.Text, sa.Computed(_PERSON_OF, persisted=stored)))
    op.create_index("ix_credit_marks_person", "credit_marks", ["person"])
    # that release goes on counting by patient; it has a thousand changes of each before what it tells would look newer than ours
    op.execute(
        "INSERT INTO credit_revisions (patient_id, revision)"
        " SELECT substr(patient_id, 5, 16), revision + 1000 FROM credit_revisions"
    )


def _trail() -> None:
    op.create_table(
        "trail",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True, autoincrement=True),
        sa.Column("at", _time, nullable=False),
        sa.Column("act", sa.Text, nullable=False),
        sa.Column("actor", sa.Text),
        sa.Column("about", sa.Text),
        sa.Column("hospital_id", sa.Text),
        sa.Column("network", sa.Text, nullable=False),
        sa.Column("facts", sa.Text, nullable=False),
        sa.Column("place", sa.BigInteger, unique=True),
        sa.Column("digest", sa.Text),
        sa.CheckConstraint("(place IS NULL) = (digest IS NULL)", name="trail_chained"),
    )
    for name, columns in (
        ("trail_about", ["about", "id"]),
        ("trail_actor", ["actor", "id"]),
        ("trail_act", ["act", "id"]),
        ("trail_hospital", ["hospital_id", "id"]),
        ("trail_at", ["at"]),
    ):
        op.create_index(name, "trail", columns)
    loose = sa.text("place IS NULL")
    op.create_index("trail_loose", "trail", ["id"], postgresql_where=loose, sqlite_where=loose)
    _guard_trail()


def _guard_trail() -> None:
    """What was noted stays as it is: a row gets its place in the chain once, and nothing else is done to it."""
    if op.get_bind().dialect.name == "sqlite":
        op.execute(
            "CREATE TRIGGER trail_no_delete BEFORE DELETE ON trail BEGIN SELECT RAISE(ABORT, 'trail is append-only'); END"
        )
        changed = " OR ".join(f"NEW.{name} IS NOT OLD.{name}" for name in _NOTED)
        op.execute(
            f"CREATE TRIGGER trail_no_update BEFORE UPDATE ON trail WHEN OLD.place IS NOT NULL OR {changed}"
            " BEGIN SELECT RAISE(ABORT, 'trail is append-only'); END"
        )
        return
    new, old = (", ".join(f"{row}.{name}" for name in _NOTED) for row in ("NEW", "OLD"))
    op.execute(
        "CREATE FUNCTION refuse_trail_change() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
        " IF TG_OP = 'UPDATE' THEN"
        f" IF OLD.place IS NULL AND ({new}) IS NOT DISTINCT FROM ({old}) THEN RETURN NEW; END IF;"
        " END IF; RAISE EXCEPTION 'trail is append-only'; END $$"
    )
    op.execute(
        "CREATE TRIGGER trail_append_only BEFORE UPDATE OR DELETE ON trail"
        " FOR EACH ROW EXECUTE FUNCTION refuse_trail_change()"
    )
    op.execute(
        "CREATE TRIGGER trail_no_truncate BEFORE TRUNCATE ON trail"
        " FOR EACH STATEMENT EXECUTE FUNCTION refuse_trail_change()"
    )


def downgrade() -> None:
    op.drop_index("patients_gone_person", "patients")
    op.drop_index("patients_gone", "patients")
    for table in ("trail", "persons", "codes", "login_failures"):
        op.drop_table(table)
    if op.get_bind().dialect.name != "sqlite":
        op.execute("DROP FUNCTION refuse_trail_change()")
    op.execute("DELETE FROM credit_revisions WHERE patient_id NOT LIKE 'pat!_%' ESCAPE '!'")
    for table, columns in (
        ("credit_marks", ["person"]),
        ("patients", ["about_sealed", "guardian_id"]),
        ("logins", ["device", "network"]),
        (
            "accounts",
            [
                "email_sealed",
                "email_index",
                "email_verified_at",
                "phone_index",
                "phone_verified_at",
                "contact_revision",
                "doctor_id",
                "deleted_at",
            ],
        ),
    ):
        with op.batch_alter_table(table) as batch:
            for column in columns:
                batch.drop_column(column)
