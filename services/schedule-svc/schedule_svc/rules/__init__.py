"""The rules of a hospital against scalping, as data: one record is enforced, shown, and read aloud. Pure.

ruleset    the record, and what is wrong with one that does not do
workdays   China's workdays, with holidays and 调休
deadlines  the moments that follow from a rule set and a session
decide     what the rules say to one who asks: refusals and weights
"""

from schedule_svc.rules.deadlines import (
    asides_end,
    cancel_before,
    hold_seconds,
    offer_seconds,
    rest,
    waitlist_closes,
)
from schedule_svc.rules.decide import Refusal, Registration, Wish, is_follow_up, refuse, weigh
from schedule_svc.rules.ruleset import BadRules, RuleSet, read_rules

__all__ = [
    "BadRules",
    "Refusal",
    "Registration",
    "RuleSet",
    "Wish",
    "asides_end",
    "cancel_before",
    "hold_seconds",
    "is_follow_up",
    "offer_seconds",
    "read_rules",
    "refuse",
    "rest",
    "waitlist_closes",
    "weigh",
]
