"""A hospital's rules: publishing a version, and what is in force."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from common.errors import Invalid, NotFound
from common.log import get_logger
from common.outbox import Database, Tx

from schedule_svc.rules import BadRules, RuleSet, read_rules
from schedule_svc.store import rules as store

log = get_logger("rules")

LATEST = datetime(2100, 1, 1, tzinfo=UTC)

MayTouch = Callable[[str], None]
"""may_touch(hospital_id) raises Forbidden when the caller may not touch that hospital's things."""


@dataclass(frozen=True, slots=True)
class Published:
    """What is known of a hospital's rules. `in_force` is None if the platform's own hold."""

    hospital_id: str
    in_force: store.Version | None
    upcoming: list[store.Version]


def publish(
    tx: Tx, hospital_id: str, document: Any, effective_from: datetime | None, account_id: str, may_touch: MayTouch
) -> store.Version:
    """Publish the next version of a hospital's rules, in force from `effective_from`, or from now on if that is None.

    Raises NotFound, Forbidden, or Invalid, which names each bad field.
    """
    if not store.lock_hospital(tx.conn, hospital_id):
        raise NotFound("there is no such hospital", code="hospital_not_found")
    may_touch(hospital_id)
    rules = _checked(document, effective_from, tx.now)
    version = store.Version(
        hospital_id=hospital_id,
        version=store.last_version(tx.conn, hospital_id) + 1,
        effective_from=effective_from or tx.now,
        rules=rules,
        published_by=account_id,
        published_at=tx.now,
    )
    store.add_version(tx.conn, version)
    log.info("rules_published", hospital_id=hospital_id, version=version.version)
    return version


def _checked(document: Any, effective_from: datetime | None, now: datetime) -> RuleSet:
    errors = []
    if effective_from is not None and not now <= effective_from < LATEST:
        errors.append({"field": "effective_from", "message": "must not lie in the past, nor beyond this century"})
    try:
        rules = read_rules(document)
    except BadRules as bad:
        errors += [
            {"field": f"rules.{path}" if path != "rules" else path, "message": text} for path, text in bad.faults
        ]
    if errors:
        raise Invalid("these rules cannot be taken", errors=errors)
    return rules


def published(database: Database, hospital_id: str) -> Published:
    """The version in force, and those that will be. Raises NotFound."""
    now = database.clock()
    with database.reading() as conn:
        if not store.hospital_exists(conn, hospital_id):
            raise NotFound("there is no such hospital", code="hospital_not_found")
        versions = store.versions_of(conn, hospital_id)
    in_force: store.Version | None = None
    upcoming: list[store.Version] = []
    for version in versions:
        if version.effective_from <= now:
            in_force = version
        elif upcoming and upcoming[-1].effective_from == version.effective_from:
            upcoming[-1] = version  # published later for the same moment: the other never comes into force
        else:
            upcoming.append(version)
    return Published(hospital_id, in_force, upcoming)
