"""user-svc's tables. Columns that end in _sealed hold personal data (common.vault), those that end in _index find it."""

import sqlalchemy as sa
from common.outbox import UtcDateTime

metadata = sa.MetaData()

PERSON_OF = "CASE length(patient_id) WHEN 44 THEN substr(patient_id, 29) WHEN 28 THEN substr(patient_id, 5, 16) ELSE patient_id END"
"""`common.ids.person_of` of the column patient_id. The database computes it: also for rows that another release writes."""

PERSON_OF_PATIENT = PERSON_OF.replace("patient_id", "patients.id")
"""The same of the table patients."""

accounts = sa.Table(
    "accounts",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("username", sa.Text, nullable=False),
    sa.Column("username_key", sa.Text, nullable=False, unique=True),
    sa.Column("email", sa.Text, nullable=False),
    sa.Column("email_sealed", sa.Text),
    sa.Column("email_index", sa.Text, index=True),
    sa.Column("email_verified_at", UtcDateTime),
    sa.Column("phone_sealed", sa.Text),
    sa.Column("phone_index", sa.Text, index=True),
    sa.Column("phone_verified_at", UtcDateTime),
    sa.Column("contact_revision", sa.Integer, nullable=False, server_default="0"),
    sa.Column("contact_key", sa.Text),
    sa.Column("password_hash", sa.Text, nullable=False),
    sa.Column("locale", sa.Text, nullable=False),
    sa.Column("roles", sa.Text, nullable=False),
    sa.Column("hospital_id", sa.Text, index=True),
    sa.Column("doctor_id", sa.Text),
    sa.Column("created_at", UtcDateTime, nullable=False),
    sa.Column("deleted_at", UtcDateTime),
    sa.Column("request_index", sa.Text),
    sa.CheckConstraint("locale IN ('zh-CN', 'en')", name="accounts_locale"),
)
"""`roles` are names with blanks between them; `request_index` tells a repeated registration. `email` is of before addresses
were sealed, and empty since. An empty `password_hash`: codes only. `doctor_id`: schedule-svc's, of an account whose role is doctor.
`contact_key`: by which key (`Vault.prefix`) its addresses were sealed when others were told of them last.
"""

logins = sa.Table(
    "logins",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("account_id", sa.Text, sa.ForeignKey("accounts.id"), nullable=False),
    sa.Column("token_hash", sa.Text, nullable=False),
    sa.Column("created_at", UtcDateTime, nullable=False),
    sa.Column("refreshed_at", UtcDateTime, nullable=False),
    sa.Column("expires_at", UtcDateTime, nullable=False),
    sa.Column("ended_at", UtcDateTime),
    sa.Column("device", sa.Text, nullable=False, server_default=""),
    sa.Column("network", sa.Text, nullable=False, server_default=""),
    sa.Index("logins_account", "account_id"),
)
"""One row is one family of refresh tokens; it knows the newest only, so any other one of the family is an old one.

`device` is what the browser calls itself, in a few words; `network` the address it came from, without its last part.
"""

login_failures = sa.Table(
    "login_failures",
    metadata,
    sa.Column("key", sa.Text, primary_key=True),
    sa.Column("count", sa.Integer, nullable=False),
    sa.Column("under_way", sa.Integer, nullable=False),
    sa.Column("last_at", UtcDateTime, nullable=False, index=True),
    sa.Column("locked_until", UtcDateTime),
)
"""Tries of passwords in a row, by a digest of the name that was given: for names that exist and for others alike. Of `count`,
`under_way` are not known to be wrong yet.
"""

codes = sa.Table(
    "codes",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("purpose", sa.Text, nullable=False),
    sa.Column("channel", sa.Text, nullable=False),
    sa.Column("to_index", sa.Text, nullable=False),
    sa.Column("account_id", sa.Text),
    sa.Column("code_hash", sa.Text, nullable=False),
    sa.Column("created_at", UtcDateTime, nullable=False, index=True),
    sa.Column("expires_at", UtcDateTime, nullable=False),
    sa.Column("network", sa.Text, nullable=False, server_default=""),
    sa.Column("tries", sa.Integer, nullable=False),
    sa.Column("tries_elsewhere", sa.Integer, nullable=False, server_default="0"),
    sa.Column("used_at", UtcDateTime),
    sa.CheckConstraint("channel IN ('email', 'sms')", name="codes_channel"),
    sa.CheckConstraint(
        "purpose IN ('register', 'login', 'reset', 'confirm', 'export', 'delete')", name="codes_purpose"
    ),
    sa.Index("codes_to", "to_index", "purpose", "created_at"),
)
"""Codes that prove an address; kept as a keyed hash. The newest for an address and purpose counts, and the newest that was asked for
in the `network` where it is used. `tries`: wrong ones in that network; `tries_elsewhere`: in all others.
"""

persons = sa.Table(
    "persons",
    metadata,
    sa.Column("id_index", sa.Text, primary_key=True),
    sa.Column("person", sa.Text, nullable=False, index=True),
    sa.Column("created_at", UtcDateTime, nullable=False),
)
"""One document is one person, in whosever list (common.ids.person_of). Outlives her accounts while marks against her stand."""

patients = sa.Table(
    "patients",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("account_id", sa.Text, sa.ForeignKey("accounts.id"), nullable=False),
    sa.Column("place", sa.SmallInteger),
    sa.Column("name_sealed", sa.Text, nullable=False),
    sa.Column("id_type", sa.Text, nullable=False),
    sa.Column("id_number_sealed", sa.Text, nullable=False),
    sa.Column("id_index", sa.Text, nullable=False, index=True),
    sa.Column("phone_sealed", sa.Text, nullable=False),
    sa.Column("about_sealed", sa.Text),
    sa.Column("guardian_id", sa.Text),
    sa.Column("revision", sa.Integer, nullable=False),
    sa.Column("created_at", UtcDateTime, nullable=False),
    sa.Column("removed_at", UtcDateTime),
    sa.UniqueConstraint("account_id", "place", name="patients_place"),
    sa.CheckConstraint("id_type IN ('resident_id', 'passport', 'permit')", name="patients_id_type"),
    sa.CheckConstraint("revision >= 1", name="patients_revision"),
    sa.CheckConstraint(
        "(removed_at IS NULL AND place IS NOT NULL AND place BETWEEN 1 AND 4) OR (removed_at IS NOT NULL AND place IS NULL)",
        name="patients_at_most_four",
    ),
)
"""`place` 1 to 4, unique in the account: the database itself refuses a fifth person. `about_sealed`: date of birth and sex, as
JSON. `guardian_id`: the grown-up of the same list who answers for a child.
"""

gone = sa.text("id_number_sealed = '' AND id_index <> ''")
"""Of patients: their account has ended, and something of them is kept for a while. `id_index` is then the prefix of the key by
which `persons` knows them.
"""
sa.Index(
    "patients_gone_person",
    sa.text(f"({PERSON_OF.replace('patient_id', 'id')})"),
    postgresql_where=gone,
    sqlite_where=gone,
    _table=patients,
)
sa.Index("patients_gone", patients.c.id, postgresql_where=gone, sqlite_where=gone)

credit_marks = sa.Table(
    "credit_marks",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("patient_id", sa.Text, nullable=False),
    sa.Column("person", sa.Text, sa.Computed(PERSON_OF, persisted=True), index=True),
    sa.Column("account_id", sa.Text, nullable=False),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("hospital_id", sa.Text, nullable=False),
    sa.Column("order_id", sa.Text, nullable=False),
    sa.Column("session_id", sa.Text, nullable=False),
    sa.Column("visit", sa.Text, nullable=False),
    sa.Column("at", UtcDateTime, nullable=False),
    sa.Column("expires_at", UtcDateTime, nullable=False),
    sa.Column("notice_hours", sa.Integer),
    sa.Column("marked_by", sa.Text),
    sa.Column("appeal", sa.Text, nullable=False),
    sa.Column("appeal_sealed", sa.Text),
    sa.Column("appealed_at", UtcDateTime),
    sa.Column("verdict_sealed", sa.Text),
    sa.Column("decided_at", UtcDateTime),
    sa.Column("decided_by", sa.Text),
    sa.UniqueConstraint("order_id", "kind", name="credit_marks_once"),
    sa.CheckConstraint("kind IN ('no_show', 'late_cancel')", name="credit_marks_kind"),
    sa.CheckConstraint("(kind = 'late_cancel') = (notice_hours IS NOT NULL)", name="credit_marks_notice"),
    sa.CheckConstraint("appeal IN ('none', 'open', 'lifted', 'upheld')", name="credit_marks_appeal"),
    sa.CheckConstraint("(appeal = 'none') = (appealed_at IS NULL)", name="credit_marks_appealed"),
    sa.CheckConstraint("(appeal IN ('lifted', 'upheld')) = (decided_at IS NOT NULL)", name="credit_marks_decided"),
    sa.Index("credit_marks_of_patient", "patient_id", "at"),
    sa.Index("credit_marks_of_session", "session_id"),
)
"""Marks against patients (爽约, 临时退号): `visit` is the evidence, as JSON; what an appeal and its verdict say is sealed.

A mark that was decided by nobody was lifted by its session's stop; one decided by `clinic`, by the visit itself.
"""

sa.Index(
    "credit_marks_appeals",
    credit_marks.c.appealed_at,
    credit_marks.c.id,
    postgresql_where=sa.text("appeal = 'open'"),
    sqlite_where=sa.text("appeal = 'open'"),
)

credit_revisions = sa.Table(
    "credit_revisions",
    metadata,
    sa.Column("patient_id", sa.Text, primary_key=True),
    sa.Column("revision", sa.Integer, nullable=False),
)
"""How often a person's credit has changed: since there are persons, `patient_id` is one. Her row is the lock on her marks. Rows of
whole patients' ids are the last release's.
"""

credit_sessions = sa.Table(
    "credit_sessions",
    metadata,
    sa.Column("session_id", sa.Text, primary_key=True),
    sa.Column("ends_at", UtcDateTime, nullable=False, index=True),
    sa.Column("stopped", sa.Boolean, nullable=False),
)
"""Sessions that were stopped or have marks or visits. A session's row is the lock between its stop and what is noted of it."""

credit_seen = sa.Table(
    "credit_seen",
    metadata,
    sa.Column("order_id", sa.Text, primary_key=True),
    sa.Column("ends_at", UtcDateTime, nullable=False, index=True),
)
"""Orders whose patient was seen by the doctor, for as long as a mark for having missed that visit could stand."""

trail = sa.Table(
    "trail",
    metadata,
    sa.Column("id", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True, autoincrement=True),
    sa.Column("at", UtcDateTime, nullable=False),
    sa.Column("act", sa.Text, nullable=False),
    sa.Column("actor", sa.Text),
    sa.Column("about", sa.Text),
    sa.Column("hospital_id", sa.Text),
    sa.Column("network", sa.Text, nullable=False),
    sa.Column("facts", sa.Text, nullable=False),
    sa.Column("place", sa.BigInteger, unique=True),
    sa.Column("digest", sa.Text),
    sa.CheckConstraint("(place IS NULL) = (digest IS NULL)", name="trail_chained"),
    sa.Index("trail_about", "about", "id"),
    sa.Index("trail_actor", "actor", "id"),
    sa.Index("trail_act", "act", "id"),
    sa.Index("trail_hospital", "hospital_id", "id"),
    sa.Index("trail_at", "at"),
)
"""Security-relevant acts, append-only. `actor` and `about` are accounts. A job gives each row its `place` in the chain soon after:
`digest` is an HMAC over the row and the digest before it.
"""

sa.Index("trail_loose", trail.c.id, postgresql_where=sa.text("place IS NULL"), sqlite_where=sa.text("place IS NULL"))
