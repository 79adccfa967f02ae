"""The figures that the audit compares with the providers' own books."""

from typing import Any

import pytest
from payment_svc.providers import Processing, Refunded, Unknown
from payment_world import FEE, World, paid_by


@pytest.mark.parametrize(
    ("answer", "fen"), [(Unknown("timeout"), {"alipay": FEE}), (Processing(), {"alipay": FEE}), (None, {})]
)
def test_refunds_under_way_are_those_whose_provider_was_asked(world: World, answer: Any, fen: dict[str, int]) -> None:
    order, waiting = paid_by(world), paid_by(world)
    world.scripted.say["refund"] = answer or Refunded(world.clock())
    world.ask_refund(order)
    world.run_jobs()
    world.ask_refund(waiting)  # nobody was asked about this one
    assert world.figures()["refunds_under_way"] == fen
