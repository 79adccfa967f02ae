"""The invariants while the system works: what is found again and again is broken, what comes and goes is work on its way.

The services answer one after the other, and orders move meanwhile, so a single look finds differences that are none. `settle` waits
until they are gone; here nobody waits: each look remembers what the looks before it have found.
"""

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from common.platform import SERVICES

from audit.invariants import RULES
from audit.money import providers_agree
from audit.parts import Broken, Looked, NotLooked

HELD, SETTLING, UNKNOWN, BROKEN = "held", "settling", "unknown", "broken"
STATES = (HELD, SETTLING, UNKNOWN, BROKEN)
"""From good to bad."""

SETTLES_IN = 10.0
"""Seconds after which what is still found is no work on its way, as for `python -m audit`."""
LOOKS = 3
"""As often it must have been found, without a look between that did not."""

SHARED = 3.0
"""Seconds for which a picture is everybody's."""
SHARE = 10
"""A look that takes long is shared for this many times as long, so that looks take a tenth of the services' time; at most for"""
LONGEST_SHARED = 30.0
"""seconds, so that a service which comes back is soon seen."""
STANDS_IN = 15.0
"""Seconds for which a picture that is out of date still serves who comes while another looks; longer than a look takes."""

NOT_COMPARED = "no provider's books are compared here: see the reconciliations"

Fetch = Callable[[str, str], Any]
"""fetch(service, token): the figures of a service. Raises OSError or ValueError if they cannot be had: PermissionError if the service
does not take the token."""

_Key = tuple[str, str, str]


@dataclass(frozen=True, slots=True)
class Finding:
    """What one look found. `since`: the first of the looks that have found it without a break."""

    about: str
    what: str
    since: datetime


@dataclass(frozen=True, slots=True)
class Verdict:
    """One invariant as of one look. `unknown`: why it could not be looked at in full, or nothing."""

    code: str
    state: str
    findings: list[Finding]
    unknown: str


@dataclass(frozen=True, slots=True)
class Picture:
    """One look at all of them. `silent`: services that have not answered, and why."""

    looked_at: datetime
    verdicts: list[Verdict]
    silent: dict[str, str]

    @property
    def state(self) -> str:
        """The worst of them. That nobody was to compare any books is no fault."""
        return max((v.state for v in self.verdicts if v.unknown != NOT_COMPARED), key=STATES.index)


class Live:
    """Looks when it is asked, once at a time."""

    def __init__(
        self,
        fetch: Fetch,
        books: Callable[[], Any] | None = None,
        *,
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._fetch = fetch
        self._books = books
        self._clock, self._now = clock, now
        self._looking = threading.Lock()
        self._picture: Picture | None = None
        self._good_until = 0.0
        self._seen: dict[_Key, tuple[float, datetime, int]] = {}

    def look(self, token: str) -> Picture:
        """A picture that is some seconds old at most. Who comes while another looks gets the last one, if it was good just now."""
        if (last := self._last()) is not None:
            return last
        stand_in = self._last(grace=STANDS_IN)
        if not self._looking.acquire(blocking=stand_in is None):
            assert stand_in is not None  # noqa: S101  or else we would have waited
            return stand_in
        try:
            return self._last() or self._look(token)
        finally:
            self._looking.release()

    def _last(self, grace: float = 0.0) -> Picture | None:
        return self._picture if self._clock() < self._good_until + grace else None

    def _look(self, token: str) -> Picture:
        began = self._clock()
        figures, silent, refused = self._figures(token)
        now = self._now()
        picture = Picture(now, self._judge(figures, now), silent)
        if not refused:  # or else the token is at fault, which is no other caller's
            self._picture = picture
            ended = self._clock()
            self._good_until = ended + max(SHARED, min(SHARE * (ended - began), LONGEST_SHARED))
        return picture

    def _figures(self, token: str) -> tuple[Looked, dict[str, str], bool]:
        """The figures of who answered, why the others did not, and whether one of them did not take the token."""
        figures, silent, refused = Looked(), {}, False
        with ThreadPoolExecutor(len(SERVICES)) as pool:
            asked = {service: pool.submit(self._fetch, service, token) for service in SERVICES}
        for service, answer in asked.items():
            try:
                figures[service] = answer.result()
            except (OSError, ValueError) as error:
                silent[service] = str(error)[:200] or type(error).__name__
                refused = refused or isinstance(error, PermissionError)
        if self._books is not None and "payment-svc" in figures:
            try:
                figures["payment-svc"]["books"] = self._books()
            except (OSError, ValueError) as error:
                silent["payment-sandbox"] = str(error)[:200]
        return figures, silent, refused

    def _judge(self, figures: Looked, now: datetime) -> list[Verdict]:
        looks = {rule.__name__: _findings(rule, figures) for rule in RULES}
        if "books" not in figures.get("payment-svc", {}):
            looks[providers_agree.__name__] = [], NOT_COMPARED if self._books is None else "no books were answered"
        before, moment = self._seen, self._clock()
        # of what could not be looked at in full, what was known stays known
        self._seen = {key: seen for key, seen in before.items() if looks[key[0]][1]}
        verdicts = []
        for code, (found, unknown) in looks.items():
            for b in found:
                first, since, times = before.get(_key(b), (moment, now, 0))
                self._seen[_key(b)] = (first, since, times + 1)
            ripe = [self._is_ripe(b, moment) for b in found]
            state = BROKEN if any(ripe) else UNKNOWN if unknown else SETTLING if found else HELD
            worst_first = sorted(zip(ripe, found, strict=True), key=lambda pair: not pair[0])
            findings = [Finding(b.about, b.what, self._seen[_key(b)][1]) for _, b in worst_first]
            verdicts.append(Verdict(code, state, findings, unknown))
        return verdicts

    def _is_ripe(self, b: Broken, moment: float) -> bool:
        first, _, times = self._seen[_key(b)]
        return times >= LOOKS and moment - first >= SETTLES_IN


def _key(b: Broken) -> _Key:
    return b.rule, b.about, b.mark


def _findings(rule: Callable[[Looked], Iterator[Broken]], figures: Looked) -> tuple[list[Broken], str]:
    """What a rule finds, once each, and why it could not look at everything, if so."""
    found: dict[_Key, Broken] = {}
    unknown = ""
    try:
        for b in rule(figures):
            found.setdefault(_key(b), b)
    except NotLooked as error:
        unknown = f"{error} has not answered"
    except (AttributeError, LookupError, TypeError) as error:  # a service of another release, whose figures are others
        unknown = f"the figures do not fit: {type(error).__name__} {error}"[:200]
    return list(found.values()), unknown
