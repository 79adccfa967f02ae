"""From a notification to its title and text, in the reader's language. The texts themselves stand in texts/."""

import re
from collections.abc import Mapping
from typing import Any

from common.log import mask_text

from notify_svc.facts import facts_of
from notify_svc.texts import TEXTS

LOCALES = ("zh-CN", "en")

_FACT = re.compile(r"\{(\w+)\}")

_NEWEST: dict[str, int] = {}
for _kind, _version, _ in TEXTS:
    _NEWEST[_kind] = max(_version, _NEWEST.get(_kind, 0))


def kinds() -> list[str]:
    """Every kind of notification that has a text."""
    return sorted(_NEWEST)


def newest(kind: str) -> int:
    """The version for what is told from now on."""
    return _NEWEST[kind]


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
    return title, mask_text(_FACT.sub(lambda fact: facts[fact[1]], "\n".join(lines)))
