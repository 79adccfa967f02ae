"""What people are sent, with an example in it: for staff to see before anybody gets it."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from common.errors import NotFound

from notify_svc import templates
from notify_svc.domain import INBOX, Notification
from notify_svc.examples import EXAMPLES
from notify_svc.kinds import KINDS
from notify_svc.letters import compose

_AT = datetime(2026, 11, 22, 6, 5, tzinfo=UTC)
_TO = {"email": "alice@example.com", "sms": "+8613800000000"}


@dataclass(frozen=True, slots=True)
class Template:
    """A text in its versions, and the channels by which it goes. The newest version is what is written from now on."""

    kind: str
    versions: tuple[int, ...]
    channels: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Preview:
    """title: empty for short messages. variables: of a short message, which providers fill in, in their order."""

    title: str
    text: str
    variables: dict[str, str]
    calendar: str


def list_templates() -> Iterator[Template]:
    """By the names of their kinds."""
    for kind in templates.kinds():
        if kind in KINDS:
            inbox = () if kind.startswith("code_") else (INBOX,)
            yield Template(kind, templates.versions(kind), (*inbox, *KINDS[kind].channels))


def preview(kind: str, version: int, locale: str, channel: str, public_url: str) -> Preview:
    """Raises NotFound for what there is no text for."""
    known = next((t for t in list_templates() if t.kind == kind), None)
    if (
        known is None
        or version not in known.versions
        or channel not in known.channels
        or locale not in templates.LOCALES
    ):
        raise NotFound("no such template", code="template_not_found")
    example = Notification("preview", "acc_1", kind, version, EXAMPLES[kind], None, None, _AT, "")
    if channel == INBOX:
        title, text = templates.render(kind, version, example.params, locale)
        return Preview(title, text, {}, "")
    way_out = f"{public_url}/…" if KINDS[kind].optional and channel == "email" else ""
    letter = compose(
        example,
        "sms" if channel == "sms" else "email",
        to=_TO[channel],
        key="preview",
        locale=locale,
        unsubscribe=way_out,
    )
    return Preview(letter.subject, letter.text, dict(letter.facts), (letter.calendar or b"").decode())
