"""From a notification to its title and text, in the reader's language. The texts themselves stand in texts/."""

import re
from collections.abc import Mapping
from typing import Any

from notify_svc.facts import facts_of, hide, short_facts
from notify_svc.texts import TEXTS
from notify_svc.texts.mail import FOOTER, GREETING, MUST, OPT_OUT
from notify_svc.texts.sms import ABSENT, SMS

LOCALES = ("zh-CN", "en")

_FACT = re.compile(r"\{(\w+)\}")

_NEWEST: dict[str, int] = {}
for _kind, _version, _ in TEXTS:
    _NEWEST[_kind] = max(_version, _NEWEST.get(_kind, 0))


_NEWEST_SMS: dict[str, int] = {}
for _kind, _version in SMS:
    _NEWEST_SMS[_kind] = max(_version, _NEWEST_SMS.get(_kind, 0))

LONGEST_VARIABLE = 35
"""Characters of one variable of a short message, as Alibaba Cloud has it; docs/notifications.md."""


def kinds() -> list[str]:
    """Every kind of notification that has a text."""
    return sorted(_NEWEST)


def newest(kind: str) -> int:
    """The version for what is told from now on."""
    return _NEWEST[kind]


def versions(kind: str) -> tuple[int, ...]:
    """Of its text, the oldest first."""
    return tuple(sorted(version for known, version, locale in TEXTS if (known, locale) == (kind, LOCALES[0])))


_UNKNOWN = {
    "zh-CN": ("您有一条新通知", "请刷新页面或稍后再看。"),
    "en": ("You have a new notification", "Please reload the page, or look again later."),
}
"""While a new release comes in, its workers write what an older api cannot show yet: the rest of the inbox still shows."""


def _template(kind: str, version: int, locale: str) -> tuple[str, str]:
    known = TEXTS.get((kind, version, locale)) or TEXTS.get((kind, _NEWEST.get(kind, 0), locale))
    return known or _UNKNOWN[locale]


def render(kind: str, version: int, params: Mapping[str, Any], locale: str) -> tuple[str, str]:
    """Title and text. Should a field hold a national ID or a mobile number, its middle is hidden."""
    title, text = _template(kind, version, locale)
    facts = facts_of(params, locale)
    lines = [line for line in text.split("\n") if facts.keys() >= set(_FACT.findall(line))]
    return title, hide(_FACT.sub(lambda fact: facts[fact[1]], "\n".join(lines)))


# --- e-mail


def as_mail(text: str, locale: str, unsubscribe: str) -> str:
    """The text with a greeting, and a footer that says how to get no more of it. unsubscribe: "" where nobody may opt out."""
    way_out = OPT_OUT[locale].format(unsubscribe=unsubscribe) if unsubscribe else MUST[locale]
    return f"{GREETING[locale]}\n\n{text}\n\n{FOOTER[locale]}\n{way_out}\n"


# --- short messages


def sms_kinds() -> list[str]:
    """Every kind that has a short message."""
    return sorted(_NEWEST_SMS)


def sms_text(kind: str, locale: str) -> str:
    """The newest, which providers have a template of, with {variables}. Raises KeyError for a kind that has none."""
    return SMS[kind, _NEWEST_SMS[kind]][locale]


def sms_variables(kind: str, locale: str) -> list[str]:
    """In the order in which they stand in the text."""
    return _FACT.findall(sms_text(kind, locale))


def sms_facts(kind: str, params: Mapping[str, Any], locale: str) -> dict[str, str]:
    """The variables by name, in the order of the text: one line each, of at most LONGEST_VARIABLE characters, never empty."""
    facts = facts_of(params, locale) | short_facts(params, locale)
    return {name: _variable(facts.get(name, ""), locale) for name in sms_variables(kind, locale)}


def _variable(value: str, locale: str) -> str:
    line = hide(" ".join(value.split()))
    if len(line) > LONGEST_VARIABLE:
        line = line[: LONGEST_VARIABLE - 1] + "…"
    return line or ABSENT[locale]
