"""A hospital's rules: publishing a version, and what is in force."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import msgspec
from common.errors import Invalid, NotFound
from common.log import get_logger
from common.messages import ClinicRules, ClinicRulesSet
from common.outbox import Database, Timer, Tx

from schedule_svc.rules import BadRules, RuleSet, asides_end, read_rules, waitlist_closes
from schedule_svc.store import rules as store
from schedule_svc.usecases.orders import WAITLIST_CLOSES
from schedule_svc.usecases.release import ASIDES_END

log = get_logger("rules")

LATEST = datetime(2100, 1, 1, tzinfo=UTC)

RULES_HOLD = "rules_hold"
"""The kind of the timer at which a version comes into force; keyed by hospital and version."""

MayTouch = Callable[[str], None]
"""may_touch(hospital_id) raises Forbidden when the caller may not touch that hospital's things."""


def take_effect(tx: Tx, timer: Timer) -> None:
    """A version has come into force: what sessions do by themselves in time, they do when it says."""
    hospital_id = timer.payload["hospital_id"]
    rules = store.rules_in_force(tx.conn, [hospital_id], tx.now)[hospital_id]
    for session in store.sessions_ahead(tx.conn, hospital_id, tx.now):
        if session.waiting:
            closes = min(session.starts_at, waitlist_closes(rules, session.starts_at))
            tx.set_timer(WAITLIST_CLOSES, session.id, closes)
        if session.aside:
            tx.set_timer(ASIDES_END, session.id, asides_end(rules, session.starts_at))


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
    tx.set_timer(RULES_HOLD, f"{hospital_id}:{version.version}", version.effective_from, {"hospital_id": hospital_id})
    # what is shown here is enforced there
    clinic = msgspec.convert(msgspec.to_builtins(rules.clinic), ClinicRules)
    tx.send(ClinicRulesSet(hospital_id, version.version, version.effective_from, clinic))
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
