"""What makes a look at queues read them anew, how many may look, and what a look does that fails; without HTTP and without a thread."""

from collections.abc import Iterator
from typing import Any

import pytest
from booking_svc import boards, store
from booking_svc.api.streams import show_phone, tell
from booking_svc.boards import Boards
from booking_svc.domain import State
from booking_svc.usecases import clinic
from booking_svc.usecases.clinic.following import withdraw_of
from clinic_day import DESK, ClinicDay
from common.errors import Unavailable
from common.web.stream import Listener


class Looking:
    """Looks by hand at a day: who listens gets what the look tells."""

    def __init__(self, day: ClinicDay, limit: int = 100) -> None:
        self.day, self.boards = day, Boards(day.database, limit, tell)
        self.boards._look_on = lambda: None  # type: ignore[method-assign]

    def listen(self) -> Listener:
        return self.boards.listen(self.day.session, "acc_desk", "desk")

    def told(self, listener: Listener) -> list[Any]:
        self.boards._look()
        found = []
        while (item := listener.get(0)) is not None:
            found.append(item.board)
        return found


@pytest.fixture
def day(tmp_path: Any) -> Iterator[ClinicDay]:
    made = ClinicDay(f"sqlite:///{tmp_path}/booking.db")
    yield made
    made.database.close()


@pytest.fixture
def looking(day: ClinicDay) -> Looking:
    return Looking(day)


def cancel(day: ClinicDay, visit_id: str) -> None:
    """As her order is cancelled: no queue's row is locked if there is none."""
    order_id = day.visit(visit_id).order_id or ""
    with day.database.transaction() as tx:
        order = store.lock_orders(tx, [order_id])[order_id]
        order.state = State.REFUNDING
        store.save_orders(tx, [order])
        withdraw_of(tx, [order])


def test_who_cancels_before_anybody_has_come_is_expected_no_more(day: ClinicDay, looking: Looking) -> None:
    mine = day.expect("anna")
    ear = looking.listen()
    assert [b.visits[mine].state for b in looking.told(ear)] == ["expected"]
    assert looking.told(ear) == [], "nothing has changed"
    cancel(day, mine)
    (board,) = looking.told(ear)
    assert board.queue is None
    assert show_phone(board, board.visits[mine])["state"] == "withdrawn"


@pytest.mark.parametrize("kept", [False, True], ids=["before the first has come", "while people wait"])
def test_whoever_is_confirmed_meanwhile_is_expected_at_the_desk(day: ClinicDay, looking: Looking, kept: bool) -> None:
    if kept:
        day.come("anna")
    ear = looking.listen()
    (before,) = looking.told(ear)
    fresh = day.expect("bob")
    (board,) = looking.told(ear)
    assert fresh in board.visits
    assert fresh not in before.visits
    assert board.revision == before.revision
    assert looking.told(ear) == []


def test_who_comes_as_another_goes_is_seen_too(day: ClinicDay, looking: Looking) -> None:
    """As many are expected as before."""
    mine = day.expect("anna")
    ear = looking.listen()
    looking.told(ear)
    cancel(day, mine)
    other = day.expect("bob")
    (board,) = looking.told(ear)
    assert [board.visits[v].state for v in (mine, other)] == ["withdrawn", "expected"]


# --- calls -----------------------------------------------------------------------------------------------------------


def calls(day: ClinicDay) -> list[tuple[str, str | None]]:
    with day.database.reading() as conn:
        board = store.boards.read_board(conn, day.session, day.clock())
    return [(call.ticket, call.room) for call in board.calls]


def test_who_is_called_again_and_again_pushes_nobody_out(day: ClinicDay) -> None:
    for name in ("anna", "bob"):
        day.come(name)
    for room in ("1", "2"):
        day.open(room)
    day.next(room="1")
    second = day.next(room="2")
    assert second is not None
    for _ in range(store.boards.CALLS + 1):
        clinic.call_visit(day.database, DESK, second, "2", "again")
    assert calls(day) == [("bob", "2"), ("anna", "1")]


def test_the_call_of_who_was_transferred_since_then_is_still_to_be_spoken(day: ClinicDay) -> None:
    """By the ticket that was called here, and not by that of the other line."""
    day.come("anna")
    day.open("1")
    called = day.next(room="1")
    assert called is not None
    clinic.transfer_visit(day.database, DESK, called, day.other, "an emergency")
    assert day.visit(called).ticket != "anna"
    assert calls(day) == [("anna", "1")]


# --- how many --------------------------------------------------------------------------------------------------------


def test_one_account_of_screens_takes_no_more_than_its_share(day: ClinicDay) -> None:
    looking = Looking(day, limit=200).boards
    first = [looking.listen(day.session, "acc_wall", "wall") for _ in range(boards.EACH_WALL)]
    with pytest.raises(Unavailable):
        looking.listen(day.session, "acc_wall", "wall")
    assert not any(listener.ended for listener in first), "none of them goes dark for another"
    assert looking.listen(day.session, "acc_wall_2", "wall")
    first[0].close()
    assert looking.listen(day.session, "acc_wall", "wall")


def test_all_screens_together_leave_phones_and_desks_theirs(day: ClinicDay) -> None:
    looking = Looking(day, limit=40).boards
    for n in range(20):
        looking.listen(day.session, f"acc_wall_{n}", "wall")
    with pytest.raises(Unavailable):
        looking.listen(day.session, "acc_wall_20", "wall")
    for n in range(16):
        looking.listen(day.session, f"acc_{n}", "phone")
    with pytest.raises(Unavailable):
        looking.listen(day.session, "acc_16", "phone")
    for n in range(4):
        looking.listen(day.session, f"acc_desk_{n}", "desk")


# --- what fails ------------------------------------------------------------------------------------------------------


class Broken:
    """A queue that cannot be read: how often it is tried, and what the log tells."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.tries, self.logged, self.is_so = 0, 0, True
        self._honest = store.boards.read_board
        monkeypatch.setattr(store.boards, "read_board", self._read)
        monkeypatch.setattr(boards.log, "exception", self._note)

    def _read(self, *args: Any) -> Any:
        self.tries += 1
        if self.is_so:
            raise ValueError("planted")
        return self._honest(*args)

    def _note(self, _: str, **__: Any) -> None:
        self.logged += 1


def test_a_queue_that_cannot_be_read_is_tried_ever_more_seldom_and_told_once_per_change(
    day: ClinicDay, looking: Looking, monkeypatch: pytest.MonkeyPatch
) -> None:
    mine, broken = day.come("anna"), Broken(monkeypatch)
    ear = looking.listen()
    for _ in range(1000):
        assert looking.told(ear) == []
    assert (broken.tries < 20, broken.logged) == (True, 1)
    tries = broken.tries
    day.come("bob")
    looking.told(ear)
    assert (broken.tries, broken.logged) == (tries + 1, 2), "at once, for it has changed"
    broken.is_so = False
    shown = [board for _ in range(boards.LONGEST_PAUSE + 1) for board in looking.told(ear)]
    assert mine in shown[0].visits, "and it comes back by itself"


def test_looks_that_fail_come_ever_more_seldom_and_are_told_once(
    looking: Looking, monkeypatch: pytest.MonkeyPatch
) -> None:
    paused, broken = [], Broken(monkeypatch)
    monkeypatch.setattr(store.boards, "marks", lambda *_: {}[""])

    def pause(seconds: float) -> None:
        paused.append(seconds)
        if len(paused) == 12:
            looking.boards.hub.close()

    monkeypatch.setattr(boards.time, "sleep", pause)
    looking.listen()
    looking.boards._run()
    assert broken.logged == 1
    assert paused == sorted(paused)
    assert paused[-1] == boards.PAUSE * boards.LONGEST_PAUSE / 4
