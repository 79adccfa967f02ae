"""Whatever happens, in whatever order and however often: the equation holds, no number is given twice, answers stay true."""

import itertools
import shutil
import tempfile
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from common.clock import ManualClock
from common.envelope import seal
from common.messages import SlotRejected, SlotReleased, SlotReserved, SlotWaitlisted
from common.testing import take_sent
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, initialize, invariant, precondition, rule
from schedule_svc.app import Settings, build
from schedule_svc.usecases import sessions
from schedule_world import START, World, check_inventory, make_world, roster, session_row, slot_row

ORDERS = st.integers(0, 11).map("o{}".format)
_template = Path()


@pytest.fixture(scope="module", autouse=True)
def _prepared() -> Iterator[None]:
    """A migrated database with a small roster, copied for each example."""
    global _template  # noqa: PLW0603  hypothesis makes the machines, so a fixture cannot reach them
    with tempfile.TemporaryDirectory() as directory:
        _template = Path(directory) / "template.db"
        slots = [slot_row(8, capacity=2), slot_row(8, 30, capacity=3, blocked=1)]
        world = make_world(f"sqlite:///{_template}", START, sessions=[session_row(slots=slots)])
        with world.database.engine.connect() as conn:
            conn.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
        world.database.close()
        yield


class Machine(RuleBasedStateMachine):
    bodies = Bundle("bodies")

    @initialize()
    def begin(self) -> None:
        self.directory = tempfile.TemporaryDirectory()
        copy = shutil.copy(_template, self.directory.name)
        clock = ManualClock(START)
        self.world = World(build(Settings(app_env="test", database_url=f"sqlite:///{copy}"), clock), clock)
        self.session, self.slots = self.world.session_id(), self.world.slot_ids()
        self.versions = itertools.count(2)
        self.stopped = False
        self.told: dict[str, Any] = {}
        self.gone: set[str] = set()

    def teardown(self) -> None:
        if hasattr(self, "world"):
            self.world.database.close()
            self.directory.cleanup()

    def deliver(self, *bodies: bytes) -> None:
        self.world.service.processor.process(bodies)
        self.hear()

    def hear(self) -> None:
        """Check what was answered against what was answered before."""
        for m in take_sent(self.world.database):
            if isinstance(m, SlotReleased):
                self.gone.add(m.order_id)
            elif isinstance(m, SlotReserved):
                assert m.order_id not in self.gone
                before = self.told.get(m.order_id)
                assert before is None or isinstance(before, SlotWaitlisted) or before == m, (before, m)
                self.told[m.order_id] = m
            elif isinstance(m, SlotRejected):
                before = self.told.get(m.order_id)
                assert m.reason == "released" if m.order_id in self.gone and before != m else before in (None, m)
                self.told.setdefault(m.order_id, m)
            elif isinstance(m, SlotWaitlisted):
                assert self.told.setdefault(m.order_id, m) == m

    @rule(target=bodies, order=ORDERS, slot=st.sampled_from([None, None, 0, 1]), wait=st.booleans())
    def reserve(self, order: str, slot: int | None, wait: bool) -> bytes:
        slot_id = None if slot is None else self.slots[slot]
        body = seal(self.world.reserve(order, slot_id, wait=wait, session=self.session), self.world.clock()).body
        self.deliver(body)
        return body

    @rule(target=bodies, order=ORDERS)
    def release(self, order: str) -> bytes:
        body = seal(self.world.release(order), self.world.clock()).body
        self.deliver(body)
        return body

    @rule(target=bodies, order=ORDERS)
    def confirm(self, order: str) -> bytes:
        body = seal(self.world.confirm(order), self.world.clock()).body
        self.deliver(body)
        return body

    @rule(batch=st.lists(st.one_of(bodies), max_size=8))
    def deliver_again(self, batch: list[bytes]) -> None:
        """The same messages, with the same ids: the inbox makes nothing of them."""
        self.deliver(*batch)

    @rule(
        orders=st.lists(
            st.tuples(ORDERS, st.sampled_from(["reserve", "wait", "release", "confirm"])), min_size=2, max_size=12
        )
    )
    def mixed_batch(self, orders: list[tuple[str, str]]) -> None:
        w = self.world
        make = {
            "reserve": lambda o: w.reserve(o, session=self.session),
            "wait": lambda o: w.reserve(o, wait=True, session=self.session),
            "release": w.release,
            "confirm": w.confirm,
        }
        self.deliver(*(seal(make[what](order), w.clock()).body for order, what in orders))

    @precondition(lambda self: not self.stopped)
    @rule(slot=st.sampled_from([0, 1]), extra=st.integers(1, 3))
    def add_numbers(self, slot: int, extra: int) -> None:
        with self.world.database.transaction() as tx:
            sessions.add_numbers(tx, self.session, self.slots[slot], extra, lambda _hospital: None)
        self.hear()

    @rule(first=st.integers(1, 4), second=st.integers(1, 4), blocked=st.integers(0, 1))
    def new_roster(self, first: int, second: int, blocked: int) -> None:
        slots = [slot_row(8, capacity=first), slot_row(8, 30, capacity=second, blocked=blocked)]
        summary = self.world.publish(roster(sessions=[session_row(version=next(self.versions), slots=slots)]))
        assert summary["rejected"] == 0
        self.hear()

    @rule(really=st.integers(0, 9))
    def stop(self, really: int) -> None:
        if really == 0:
            with self.world.database.transaction() as tx:
                sessions.stop(tx, self.session, "ill", lambda _hospital: None)
            self.stopped = True
            self.hear()

    @rule()
    def time_passes(self) -> None:
        self.world.clock.advance(timedelta(minutes=1))

    @invariant()
    def inventory_holds(self) -> None:
        if hasattr(self, "world"):
            assert [p.reason for p in self.world.database.parked()] == []
            check_inventory(self.world)

    @invariant()
    def nobody_waits_for_a_number_that_is_free(self) -> None:
        if hasattr(self, "world") and not self.stopped:
            free = {row.id for row in self.world.rows("SELECT id FROM slots WHERE free > 0")}
            waiting = self.world.rows("SELECT wanted FROM reservations WHERE state = 'waiting'")
            assert not (free and any(w.wanted is None or w.wanted in free for w in waiting))

    @invariant()
    def who_holds_a_number_was_told_that_one(self) -> None:
        if hasattr(self, "world"):
            for order, r in self.world.figures()["reservations"].items():
                if r["state"] in ("held", "sold"):
                    assert self.told[order].queue_number == r["queue_number"]
                    assert order not in self.gone


Machine.TestCase.settings = settings(
    max_examples=25, stateful_step_count=25, deadline=None, suppress_health_check=list(HealthCheck), derandomize=False
)
TestInventory = Machine.TestCase
