"""The processor alone: batches in one transaction, bisected; what it parks and what it gives back; and the dlq command."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from common.broker import dlq
from common.envelope import Received, seal
from common.errors import Transient
from common.log import current_trace
from common.messages import OrderPlaced, OrderRejected, SlotReleased
from common.processor import Processor
from delivery_rig import NOW, RECEIVER, Party, Store, placed, poison, record
from hypothesis import given, settings
from hypothesis import strategies as st

Make = Callable[..., Party]


@pytest.fixture
def party(tmp_path: Path) -> Party:
    return Party(RECEIVER, Store(f"sqlite:///{tmp_path}/p.db"), {OrderPlaced: record, OrderRejected: record})


def bodies(*messages: Any) -> list[bytes]:
    return [seal(message, NOW).body for message in messages]


def counted(party: Party) -> list[int]:
    """Counts the messages of each call of the handler, and whether it raised."""
    sizes: list[int] = []

    def handler(tx: Any, run: Sequence[Received]) -> None:
        sizes.append(len(run))
        record(tx, run)

    party.processor = Processor(RECEIVER, party.store, {OrderPlaced: handler, OrderRejected: handler})  # type: ignore[assignment]
    return sizes


def test_a_batch_is_one_call_in_one_transaction(party: Party) -> None:
    sizes = counted(party)
    party.processor.process(bodies(*(placed("a", n) for n in range(50))))
    assert sizes == [50]
    assert party.effects == [("a", str(n)) for n in range(50)]


def test_runs_follow_the_order_of_the_messages(party: Party) -> None:
    calls: list[tuple[str, int]] = []
    subscriptions = {
        OrderPlaced: lambda _tx, run: calls.append(("placed", len(run))),
        SlotReleased: lambda _tx, run: calls.append(("released", len(run))),
    }
    released = SlotReleased("o", "s")
    messages = [placed("a", 1), placed("a", 2), released, placed("a", 3)]
    Processor(RECEIVER, party.store, subscriptions).process(bodies(*messages))
    assert calls == [("placed", 2), ("released", 1), ("placed", 1)]


def test_poison_costs_a_few_transactions_and_not_one_for_each_neighbour(party: Party) -> None:
    sizes = counted(party)
    party.processor.process(bodies(*(poison("p") if n == 37 else placed("a", n) for n in range(64))))
    assert len(party.effects) == 63
    assert len(sizes) <= 2 * 6 + 1


@settings(max_examples=25, deadline=None)
@given(st.lists(st.sampled_from(["good", "poison", "garbage", "again"]), max_size=20))
def test_whatever_is_in_a_batch_the_good_ones_take_effect_once_in_order(
    tmp_path_factory: pytest.TempPathFactory, kinds: list[str]
) -> None:
    party = Party(
        RECEIVER, Store(f"sqlite:///{tmp_path_factory.mktemp('h')}/p.db"), {OrderPlaced: record, OrderRejected: record}
    )
    batch: list[bytes] = []
    for n, kind in enumerate(kinds):
        if kind == "again":
            batch += batch[-1:]
        else:
            batch += {"good": bodies(placed("a", n)), "poison": bodies(poison(str(n))), "garbage": [b"\xff%d" % n]}[
                kind
            ]
    party.processor.process(batch)
    party.processor.process(batch)
    assert party.effects == [("a", str(n)) for n, kind in enumerate(kinds) if kind == "good"]
    assert len(party.store.parked()) == kinds.count("poison") + kinds.count("garbage")
    party.store.close()


def test_a_database_that_is_away_is_transient_and_the_same_batch_works_later(party: Party) -> None:
    batch = bodies(*(placed("a", n) for n in range(8)), poison("p"))
    party.store.away = True
    with pytest.raises(Transient):
        party.processor.process(batch)
    party.store.away = False
    party.processor.process(batch)
    assert len(party.effects) == 8
    assert len(party.store.parked()) == 1


def test_a_parking_place_that_is_away_is_transient(party: Party, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_messages: Any) -> None:
        raise OSError("disk full")

    monkeypatch.setattr(party.store, "park", refuse)
    with pytest.raises(Transient, match="cannot park: disk full"):
        party.processor.process([b"garbage"])


def test_a_reason_that_postgresql_could_not_keep_is_mended(party: Party) -> None:
    def handler(_tx: Any, _run: Any) -> None:
        raise LookupError("no order a\x00b")

    Processor(RECEIVER, party.store, {OrderPlaced: handler}).process(bodies(placed("a", 1)))
    assert [p.reason for p in party.store.parked()] == [r"LookupError: no order a\0b"]


def test_a_type_that_the_service_does_not_take_is_parked_with_that_reason(party: Party) -> None:
    party.processor.process(bodies(SlotReleased("o", "s")))
    assert party.store.parked()[0].reason == "beta-svc does not take schedule.slot_released.v1"


def test_the_trace_of_a_message_is_that_of_its_handling_and_ends_with_it(party: Party) -> None:
    trace = f"00-{'1' * 32}-{'2' * 16}-01"
    seen: list[str] = []

    def handler(_tx: Any, _run: Any) -> None:
        seen.append(current_trace())
        raise ValueError

    processor = Processor(RECEIVER, party.store, {OrderPlaced: handler})
    processor.process([seal(placed("a", 1), NOW, trace).body])
    assert seen == [trace]
    assert current_trace() == ""


# --- dlq ---


@pytest.fixture
def spoilt(party: Party) -> Party:
    """Has parked two messages, of which one is good by now, and one that cannot be read."""

    def broken(_tx: Any, _run: Any) -> None:
        raise ValueError("a bug of that day")

    Processor(RECEIVER, party.store, {OrderPlaced: broken}).process([*bodies(placed("a", 1)), b"\xff\xfe"])
    party.processor.process(bodies(poison("p")))
    return party


def ids(party: Party) -> list[str]:
    return [p.message_id for p in party.store.parked()]


def test_list_shows_what_is_parked_and_why(spoilt: Party, capsys: pytest.CaptureFixture[str]) -> None:
    assert dlq.main(spoilt.processor, ["list"]) == 0
    out = capsys.readouterr().out
    for text in (*ids(spoilt), "ValueError: this one kills me", "no CloudEvent", "booking.order_placed.v2", "3 parked"):
        assert text in out


def test_replaying_one_handles_and_unparks_it(spoilt: Party) -> None:
    good = next(p for p in spoilt.store.parked() if p.type == "booking.order_placed.v2")
    assert dlq.main(spoilt.processor, ["replay", good.message_id]) == 0
    assert spoilt.effects == [("a", "1")]
    assert good.message_id not in ids(spoilt)
    spoilt.processor.process([good.body])
    assert spoilt.effects == [("a", "1")]


def test_replaying_all_keeps_what_still_fails(spoilt: Party, capsys: pytest.CaptureFixture[str]) -> None:
    assert dlq.main(spoilt.processor, ["replay", "--all"]) == 1
    assert spoilt.effects == [("a", "1")]
    assert len(ids(spoilt)) == 2
    assert "1 done, 2 left" in capsys.readouterr().out


def test_dropping_forgets(spoilt: Party) -> None:
    first, *others = ids(spoilt)
    assert dlq.main(spoilt.processor, ["drop", first]) == 0
    assert ids(spoilt) == others
    assert dlq.main(spoilt.processor, ["drop", "--all"]) == 0
    assert ids(spoilt) == []


def test_an_unknown_id_and_a_wrong_command_are_errors(spoilt: Party, capsys: pytest.CaptureFixture[str]) -> None:
    assert dlq.main(spoilt.processor, ["drop", "nonsense"]) == 1
    assert "no parked message nonsense" in capsys.readouterr().err
    for wrong in (["replay"], ["replay", "x", "--all"], ["eat"], []):
        with pytest.raises(SystemExit) as ended:
            dlq.main(spoilt.processor, wrong)
        assert ended.value.code == 2
