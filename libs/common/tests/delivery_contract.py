"""What every broker promises to every service. Subclasses say which broker and database it is tried on."""

from collections import defaultdict
from typing import Any

import pytest
from common.envelope import seal
from common.messages import SPECS, OrderPlaced
from common.metrics import OUTBOX_RETURNED
from delivery_rig import NOW, OTHER, RECEIVER, SENDER, Rig, placed, poison, unroutable, until


def by_subject(effects: list[tuple[str, str]]) -> dict[str, list[int]]:
    numbers: dict[str, list[int]] = defaultdict(list)
    for subject, number in effects:
        numbers[subject].append(int(number))
    return numbers


class DeliveryContract:
    """`rig` is a fixture of the subclass: SENDER sends; RECEIVER takes OrderPlaced, OrderRejected; OTHER OrderPlaced."""

    def test_every_subscriber_gets_every_message_once_and_the_outbox_empties(self, rig: Rig) -> None:
        rig.start()
        for n in range(100):
            rig[SENDER].send(placed("a", n))
        until(rig[SENDER].at_rest)
        until(lambda: len(rig[RECEIVER].effects) == len(rig[OTHER].effects) == 100)
        assert sorted(rig[RECEIVER].effects) == sorted(rig[OTHER].effects) == sorted(("a", str(n)) for n in range(100))

    def test_messages_of_one_subject_keep_their_order(self, rig: Rig) -> None:
        rig.start()
        for n in range(0, 400, 4):
            rig[SENDER].send(placed("a", n), placed("b", n))
            rig[SENDER].send(placed("b", n + 1), placed("a", n + 1), placed("a", n + 2))
        until(lambda: len(rig[RECEIVER].effects) == 500)
        for numbers in by_subject(rig[RECEIVER].effects).values():
            assert numbers == sorted(numbers)

    def test_a_message_that_comes_twice_takes_effect_once(self, rig: Rig) -> None:
        again = seal(placed("a", 1), NOW)
        rig[SENDER].sweep_seconds = 0.05
        rig.start()
        for n in range(2, 5):  # each time in a batch of its own, and twice in it
            rig[SENDER].put(again.type, again.body, again.id)
            rig[SENDER].put(again.type, again.body, again.id)
            until(rig[SENDER].at_rest)
            rig[SENDER].send(placed("a", n))
            until(lambda n=n: ("a", str(n)) in rig[RECEIVER].effects)
        assert sorted(rig[RECEIVER].effects) == [("a", "1"), ("a", "2"), ("a", "3"), ("a", "4")]

    @pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
    def test_after_a_death_between_effect_and_acknowledgement_effects_are_exactly_once(self, rig: Rig) -> None:
        rig[SENDER].sweep_seconds = 0.1
        rig[RECEIVER].processor.dies_after = 30
        rig.start()
        for n in range(120):
            rig[SENDER].send(placed("a", n))
        until(lambda: rig.dead(RECEIVER), what="the receiver dies")
        rig[RECEIVER].processor.dies_after = None
        rig.restart()
        until(lambda: len(rig[RECEIVER].effects) >= 120 and rig[SENDER].at_rest())
        rig[SENDER].send(placed("z", 0))
        until(lambda: ("z", "0") in rig[RECEIVER].effects)
        assert by_subject(rig[RECEIVER].effects) == {"a": list(range(120)), "z": [0]}

    def test_poison_is_parked_and_its_neighbours_are_unharmed(self, rig: Rig) -> None:
        rig.start()
        rig[SENDER].send(
            *(poison("p") if n in {17, 40} else placed("a", n) for n in range(60)),
        )
        until(lambda: len(rig[RECEIVER].effects) == 58 and len(rig[RECEIVER].store.parked()) == 2)
        assert [int(n) for _, n in rig[RECEIVER].effects] == [n for n in range(60) if n not in {17, 40}]
        assert {p.reason for p in rig[RECEIVER].store.parked()} == {"ValueError: this one kills me"}
        until(rig[SENDER].at_rest)

    @pytest.mark.parametrize(
        "body",
        [b"\xff\xfe no JSON", b"[]", b"", b'{"specversion":"1.0","id":"x"}'],
        ids=["bytes", "list", "empty", "torso"],
    )
    def test_what_cannot_be_read_is_parked_with_the_reason_and_the_next_ones_flow(self, rig: Rig, body: bytes) -> None:
        rig[SENDER].sweep_seconds = 0.05
        rig[SENDER].put(SPECS[OrderPlaced].type, body, "garbage")
        rig.start()
        until(lambda: rig[RECEIVER].store.parked())
        rig[SENDER].send(placed("a", 1))
        until(lambda: rig[RECEIVER].effects == [("a", "1")])
        (parked,) = rig[RECEIVER].store.parked()
        assert parked.body == body
        assert parked.reason.startswith("no CloudEvent")

    def test_an_unroutable_message_is_an_alarm_and_stands_in_nobodys_way(self, rig: Rig) -> None:
        before = OUTBOX_RETURNED._value.get()
        rig.start()
        rig[SENDER].send(placed("a", 1), unroutable("u"), placed("a", 2))
        rig[SENDER].send(placed("a", 3))
        until(lambda: len(rig[RECEIVER].effects) == 3)
        until(
            lambda: [row.attempts for row in rig[SENDER].outbox] == [1], what="the row waits alone for its next attempt"
        )
        (row,) = rig[SENDER].outbox
        assert "NO_ROUTE" in row.error
        assert row.next_attempt_at is not None
        assert OUTBOX_RETURNED._value.get() == before + 1

    def test_a_database_that_is_away_loses_nothing_and_parks_nothing(self, rig: Rig) -> None:
        rig.start()
        store = rig[RECEIVER].store
        store.away = True
        for n in range(80):
            rig[SENDER].send(placed("a", n))
        until(lambda: store.refused >= 2, what="it has tried, paused, and tried again")
        assert rig[RECEIVER].effects == []
        store.away = False
        until(lambda: len(rig[RECEIVER].effects) == 80)
        assert by_subject(rig[RECEIVER].effects) == {"a": list(range(80))}
        assert store.parked() == []

    def test_a_batch_is_not_acknowledged_before_it_is_committed(self, rig: Rig) -> None:
        rig[SENDER].sweep_seconds = 0.1
        rig[RECEIVER].store.away = True
        rig.start()
        rig[SENDER].send(placed("a", 1))
        until(lambda: rig[RECEIVER].store.refused)
        rig.stop(patience=0)
        rig[RECEIVER].store.away = False
        rig.start()
        until(lambda: rig[RECEIVER].effects == [("a", "1")])

    def test_the_sweep_takes_over_what_a_crashed_process_left(self, rig: Rig) -> None:
        for n in range(50):
            rig[SENDER].send(placed("a", n))  # no relay runs: committed, and then the process was gone
        rig[SENDER].sweep_seconds = 0.1
        rig.start()
        until(lambda: len(rig[RECEIVER].effects) == 50 and rig[SENDER].at_rest())
        assert by_subject(rig[RECEIVER].effects) == {"a": list(range(50))}

    def test_stopping_does_not_wait_for_work_in_hand(self, rig: Rig, ends: Any) -> None:
        rig.start()
        rig[RECEIVER].store.away = rig[OTHER].store.away = True
        rig[SENDER].send(*(placed("a", n) for n in range(200)))
        until(lambda: rig[RECEIVER].store.refused)
        ends(lambda: rig.stop(patience=0.2))
