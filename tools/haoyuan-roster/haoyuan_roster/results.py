"""What became of events, as the platform tells it, and how it is shown."""

import time
from collections.abc import Callable, Iterable, Iterator

import msgspec
from haoyuan_roster_format import RESULT_TYPE, Result

from haoyuan_roster.link import Link, results_queue
from haoyuan_roster.show import out, table

LONGEST_UNREADABLE = 300
"""Bytes that are shown of a message that is no result."""


NameRow = Callable[[str, str], str]
"""(event's id, path) -> the code of that row, if it is known."""


def unnamed(_event: str, _path: str) -> str:
    """Nothing is known of what was sent."""
    return ""


class _Event(msgspec.Struct, frozen=True):
    type: str
    data: Result


_decode = msgspec.json.Decoder(_Event).decode


def lines(body: bytes, code: NameRow) -> tuple[Result | None, list[str]]:
    """A result, and the lines that show it. Something else is shown as it is."""
    try:
        event = _decode(body)
        if event.type != RESULT_TYPE:
            raise msgspec.ValidationError(f"its type is {event.type}")
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        return None, [f"this is no result ({error}): {body[:LONGEST_UNREADABLE]!r}"]
    result = event.data
    counts = ", ".join(f"{number} {name}" for name, number in msgspec.structs.asdict(result.counts).items() if number)
    head = f"{result.type} {result.input}: {result.status}; rows: {counts or 'none'} (GET /rosters/{result.roster_id})"
    named = ((r.path, code(result.input, r.path), r.code, r.severity, r.message) for r in result.rows)
    rows = table(("path", "row", "code", "severity", "message"), named)
    more = [f"and {result.more} more"] if result.more else []
    return result, [head, *(f"  {row}" for row in rows), *more]


class Watch:
    """Listens to a hospital's results, and prints each. `wanted`: the ids to wait for; none: for ever.

    `failed` says whether something was rejected, of the wanted ones if there are any.
    """

    def __init__(
        self,
        link: Link,
        hospital: str,
        wanted: Iterable[str] = (),
        seconds: float | None = None,
        code: NameRow = unnamed,
    ) -> None:
        self._link = link
        self._hospital = hospital
        self._wanted = set(wanted)
        self._endless = not self._wanted
        self._seconds = seconds
        self._code = code
        self.failed = False

    @property
    def missing(self) -> set[str]:
        """Whose results have not come."""
        return set(self._wanted)

    def run(self) -> None:
        """Until all that is wanted has come, or the time is over. Raises Undelivered."""
        end = None if self._seconds is None else time.monotonic() + self._seconds

        def done() -> bool:
            return (not self._endless and not self._wanted) or (end is not None and time.monotonic() >= end)

        self._link.listen(results_queue(self._hospital), self._show, done)

    def _show(self, body: bytes) -> None:
        result, shown = lines(body, self._code)
        out(shown)
        if result is not None and (self._endless or result.input in self._wanted):
            self.failed = self.failed or result.status != "applied"
            self._wanted.discard(result.input)


def summary(missing: Iterable[str]) -> Iterator[str]:
    """Whose results are missing, in words."""
    ids = sorted(missing)
    if ids:
        yield f"no result yet of {len(ids)}: {', '.join(ids[:10])}{' ...' if len(ids) > 10 else ''}"
