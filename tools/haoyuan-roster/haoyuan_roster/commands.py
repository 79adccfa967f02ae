"""What the commands do. Each answers its exit status."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
from haoyuan_roster_format import Note, Window

from haoyuan_roster.faults import Undelivered, Unusable
from haoyuan_roster.ledger import Ledger
from haoyuan_roster.link import Link
from haoyuan_roster.parts import Edition, Letter, Versions, letter
from haoyuan_roster.results import Watch, summary, unnamed
from haoyuan_roster.roster import Roster, examined
from haoyuan_roster.show import out, progress, say, table
from haoyuan_roster.singles import Single

OK, FAULTY, UNUSABLE, UNDELIVERED = 0, 1, 2, 3
MOST_ROWS = 20
"""Events that the closing table names one by one."""


@dataclass(frozen=True, slots=True)
class Target:
    """Where to, and for whom, as far as that was said."""

    url: str | None
    hospital: str | None
    patience: float

    def link(self) -> Link:
        if not self.url:
            raise Unusable("where is the broker? Give --url or HAOYUAN_ROSTER_URL", "usage")
        return Link(self.url, say, self.patience)

    def of(self, link: Link, own: str | None = None) -> str:
        """The hospital's code: what a file says of itself, what was said, else the user's name."""
        if own and self.hospital and own != self.hospital:
            raise Unusable(f"the file is hospital {own}'s, not {self.hospital}'s", "wrong_hospital")
        return own or self.hospital or link.user


@dataclass(frozen=True, slots=True)
class Order:
    """What to publish, and how. `version`: instead of the ledger's."""

    file: Path
    window: Window | None
    as_of: datetime | None
    keep_going: bool
    part_size: int
    version: int | None
    ledger: Path


def validate(file: Path, window: Window | None, *, as_json: bool) -> int:
    """Look at a file. With `as_json` even one that cannot be read is answered in JSON."""
    try:
        with examined(file, window) as roster:
            out([_as_json(file, roster)] if as_json else _found(file, roster))
            return FAULTY if roster.findings.errors else OK
    except Unusable as error:
        if not as_json:
            raise
        note = Note("", error.code, str(error)).shown()
        out([_encode({"file": str(file), "errors": 1, "warnings": 0, "notes": [note], "left_off": 0})])
        return UNUSABLE


def publish(order: Order, target: Target, now: datetime, wait: float | None) -> int:
    """Look at a file, and send it. `wait`: seconds to wait for the results, if that is wanted."""
    with examined(order.file, order.window) as roster, target.link() as link:
        out(_found(order.file, roster))
        if (why_not := _why_not(order, roster)) is not None:
            say(f"nothing was sent: {why_not}")
            return FAULTY
        hospital = target.of(link, roster.hospital.code if roster.hospital else None)
        changed_at = min(now, roster.changed_at)
        versions = Versions(Ledger(order.ledger, hospital), _minute(changed_at), order.version)
        edition = Edition(
            roster,
            hospital,
            now,
            as_of=order.as_of or roster.as_of or changed_at,
            versions=None if roster.versioned else versions,
            most_rows=order.part_size,
        )
        status = _deliver(link, edition, hospital, wait)
        return status or (FAULTY if roster.findings.errors else OK)


def tell(event: Single, target: Target, now: datetime, version: int | None, ledger: Path, wait: float | None) -> int:
    """Send a single event."""
    with target.link() as link:
        hospital = target.of(link)
        event.versioned(version or 0)  # looked at before the ledger is written
        codes = {event.session: event.digest}
        given = Ledger(ledger, hospital).versions(event.aspect, codes, _minute(now), version)
        data = event.versioned(given[event.session])
        return _deliver(link, [letter(event.kind, hospital, data, now, about=event.kind)], hospital, wait)


def watch(target: Target, wanted: Sequence[str], seconds: float | None) -> int:
    """Show results as they come."""
    with target.link() as link:
        return _listen(Watch(link, target.of(link), wanted, seconds))


# --- delivering ------------------------------------------------------------------------------------------------------


class Sent(NamedTuple):
    """An event that the broker has confirmed."""

    about: str
    rows: int
    id: str


def _deliver(link: Link, letters: Edition | Sequence[Letter], hospital: str, wait: float | None) -> int:
    """Send all of them, tell what has become of them, and wait for their results."""
    sent: list[Sent] = []
    going: Sent | None = None
    try:
        with progress(len(letters), "events") as shown:
            for letter_ in letters:
                going = Sent(letter_.about, letter_.rows, letter_.id)
                link.send(letter_)
                sent.append(going)
                shown.step(f"{going.about}, {going.id}")
                going = None
    except Undelivered as error:
        say(f"haoyuan-roster: {error}")
    finally:
        out(_delivered(link, sent, going, len(letters)))
    if len(sent) < len(letters):
        return UNDELIVERED
    if wait is None:
        return OK
    code = letters.code if isinstance(letters, Edition) else unnamed
    return _listen(Watch(link, hospital, [s.id for s in sent], wait, code))


def _delivered(link: Link, sent: Sequence[Sent], going: Sent | None, total: int) -> Iterator[str]:
    yield from table(("event", "rows", "id"), sent[:MOST_ROWS])
    if len(sent) > MOST_ROWS:
        yield f"and {len(sent) - MOST_ROWS} more"
    rows = sum(s.rows for s in sent)
    yield f"delivered: {len(sent)} of {total} events, {rows} rows, to {link.place}"
    if going is not None:
        yield f"NOT delivered, or not confirmed: {going.about}, {going.rows} rows, id {going.id}"
    if (later := total - len(sent) - (going is not None)) > 0:
        yield f"NOT sent: the {later} events after that" if going or sent else f"NOT sent: {later} events"
    if len(sent) < total:
        yield "It does no harm to publish the whole again: what is known already has its version."


def _listen(watch: Watch) -> int:
    watch.run()
    for line in summary(watch.missing):
        say(line)
    if watch.missing:
        return UNDELIVERED
    return FAULTY if watch.failed else OK


# --- before that -----------------------------------------------------------------------------------------------------


def _why_not(order: Order, roster: Roster) -> str | None:
    """Why this must not be sent."""
    if order.as_of is not None and roster.window is None:
        raise Unusable("--as-of belongs to a --window", "usage")
    if order.version is not None and roster.versioned:
        raise Unusable("--version is for CSV; the rows of JSON have versions of their own", "usage")
    if roster.findings.errors and roster.window is not None:
        return "a window says which sessions there are; with rows left out, others would be taken for cancelled"
    if roster.findings.errors and not order.keep_going:
        return "mend the errors, or leave these rows out by --keep-going"
    if roster.window is not None and not roster.sessions.lengths:
        return "no session lies in the window; all that are known of these days would be taken for cancelled"
    if not (roster.sessions.lengths or roster.doctors or roster.departments or roster.hospital):
        return "there is no row to send"
    return None


def _minute(time: datetime) -> int:
    return int(time.timestamp()) // 60


# --- telling ---------------------------------------------------------------------------------------------------------


def _found(file: Path, roster: Roster) -> Iterator[str]:
    """The table of what is wrong, and the summary."""
    findings = roster.findings
    notes = ((n.path, n.code, n.severity, n.message) for n in findings.notes)
    yield from table(("where", "code", "severity", "message"), notes)
    if findings.left_off:
        yield f"and {findings.left_off} more: {', '.join(f'{n} {code}' for code, n in findings.codes.most_common())}"
    counts = (
        _count(len(roster.departments), "department"),
        _count(len(roster.doctors), "doctor"),
        _count(len(roster.sessions.lengths), "session"),
    )
    outside = f" ({roster.outside} of other days left out)" if roster.outside else ""
    faults = f"{_count(findings.errors, 'error')}, {_count(findings.warnings, 'warning')}"
    refused = f"; {_count(roster.refused, 'row' if roster.versioned else 'line')} left out" if roster.refused else ""
    yield f"{file.name} ({roster.kind}): {', '.join(counts)}{outside}; {faults}{refused}"


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


def _as_json(file: Path, roster: Roster) -> str:
    findings = roster.findings
    return _encode(
        {
            "file": str(file),
            "format": "json" if roster.versioned else "csv",
            "encoding": roster.encoding,
            "departments": len(roster.departments),
            "doctors": len(roster.doctors),
            "sessions": len(roster.sessions.lengths),
            "outside": roster.outside,
            "refused": roster.refused,
            "errors": findings.errors,
            "warnings": findings.warnings,
            "codes": findings.codes,
            "notes": [note.shown() for note in findings.notes],
            "left_off": findings.left_off,
        }
    )


def _encode(document: dict[str, Any]) -> str:
    return msgspec.json.encode(document).decode()
