"""A number that has had enough, or a mailbox that greylists, is no fault of its provider's: the others are served."""

import pytest
from common.service import Service
from common.testing import deliver
from notify_svc.channels import Later, Letter, Outcome, Sent
from notify_svc.circuits import MOST_IN_A_ROW
from post_world import Counting, contact, post, send_all, states, store_of, tell_confirmed

HAD_ENOUGH = "13800001111"


@pytest.mark.parametrize("of_address", [True, False])
def test_what_is_about_one_address_does_not_rest_the_provider(service: Service, of_address: bool) -> None:
    def says(letter: Letter) -> Outcome:
        return Later("limit", "", 60.0, address=of_address) if letter.to == HAD_ENOUGH else Sent("r")

    desk = post(store_of(service), Counting("alibaba", "sms", says=says))
    deliver(service, contact("acc_1", email=None, phone=HAD_ENOUGH), contact("acc_2", email=None))
    for n in range(MOST_IN_A_ROW):
        tell_confirmed(service, "acc_1", f"ord_{n}")
    send_all(desk)
    tell_confirmed(service, "acc_2", "ord_9")
    send_all(desk)
    assert states(store_of(service))["sent"] == (1 if of_address else 0)
