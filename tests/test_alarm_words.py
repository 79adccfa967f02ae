"""payment-svc's alarms and invariants have words in notify-svc, which imports nothing of it, in both languages."""

import re
from pathlib import Path

import payment_svc
import pytest
from notify_svc.templates import LOCALES
from notify_svc.texts.alarms import ALARMS, words_of
from payment_svc.store.watch import INVARIANTS

CODE = "".join(p.read_text(encoding="utf-8") for p in Path(payment_svc.__file__).parent.rglob("*.py"))
KINDS = {*INVARIANTS, *re.findall(r'\balarm\(\s*"([a-z_]+)"', CODE)}
HANZI = re.compile(r"[\u4e00-\u9fff]")


def test_there_are_kinds():
    assert len(INVARIANTS) == 12
    assert {"amount_mismatch", "paid_is_confirmed"} < KINDS


@pytest.mark.parametrize("locale", LOCALES)
def test_every_kind_has_words_and_no_words_are_of_nothing(locale):
    assert set(ALARMS[locale]) == KINDS
    for title, text in ALARMS[locale].values():
        assert title
        assert text
        assert bool(HANZI.search(title) and HANZI.search(text)) == (locale == "zh-CN")
    assert words_of("of_tomorrow", locale) not in ALARMS[locale].values()
