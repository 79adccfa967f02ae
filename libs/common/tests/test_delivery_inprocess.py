"""The delivery contract on the in-process broker and SQLite: embedded mode."""

from collections.abc import Iterator

import pytest
from common.broker.inprocess import InProcessBroker
from delivery_contract import DeliveryContract
from delivery_rig import OTHER, RECEIVER, SENDER, InProcessRig, Party, Rig, Witness, outbox_rows, placed, until


@pytest.fixture
def rig(sqlite_parties: list[Party]) -> Iterator[Rig]:
    rig = InProcessRig(sqlite_parties)
    yield rig
    rig.close()


class TestInProcess(DeliveryContract):
    def test_a_row_is_settled_only_when_every_subscriber_has_committed_it(self, rig: Rig) -> None:
        rig.start()
        rig[OTHER].store.away = True
        rig[SENDER].send(placed("a", 1))
        until(lambda: rig[RECEIVER].effects and rig[OTHER].store.refused >= 2)
        assert len(rig[SENDER].outbox) == 1
        rig[OTHER].store.away = False
        until(rig[SENDER].at_rest)
        assert rig[OTHER].effects == rig[RECEIVER].effects == [("a", "1")]

    def test_a_subscriber_that_comes_after_the_first_message_is_refused(self, sqlite_parties: list[Party]) -> None:
        broker = InProcessBroker()
        sender, receiver, other = sqlite_parties
        broker.subscribe(receiver.processor)
        publisher = broker.publisher(sender.name)
        publisher.start(Witness())
        publisher.publish(outbox_rows(placed("a", 1)))
        with pytest.raises(RuntimeError, match="gamma-svc subscribes after the first message"):
            broker.subscribe(other.processor)
