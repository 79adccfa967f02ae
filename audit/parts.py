"""What the rules share: figures, what is broken, and where an order stands."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

Figures = Mapping[str, Any]
"""Service name -> its figures."""


@dataclass(frozen=True, slots=True)
class Broken:
    """One broken invariant. `about`: the order, session or service that it concerns. `mark`: what tells it from others about the
    same: who looks again and finds something else there has not found this.
    """

    rule: str
    about: str
    what: str
    mark: str = ""


IN_FLIGHT = {"reserving", "closing", "moving", "withdrawing", "returning", "refunding"}
PAID = {"confirmed", "no_show", "fulfilled", "substitute_offered"}
"""Here the order's money is with the hospital, or waits for her choice: exactly its fee."""

AMOUNTS = (
    "captured", "refunded", "given_back", "refunding", "refund_failed", "surplus_failed", "counted", "moved_in",
    "moved_out", "earned",
)  # fmt: skip
NO_MONEY = dict.fromkeys(AMOUNTS, 0)


def with_staff(intent: Mapping[str, Any]) -> int:
    """Fen of an order's own money that staff must give back, or are giving back."""
    fen: int = intent["refund_failed"] - intent["surplus_failed"] + intent["refunding"]
    return fen


class NotLooked(LookupError):
    """A rule asks for the figures of a service that has not answered."""


class Looked(dict[str, Any]):
    """Figures of the services that have answered."""

    def __missing__(self, service: str) -> Any:
        raise NotLooked(service)
