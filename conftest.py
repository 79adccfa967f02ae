"""For every test of the tree: the fixtures of the real servers, the quick set-up, and the look at answers; and in which order
`make test` hands the files to its processes.
"""

from collections import OrderedDict
from collections.abc import Iterator
from typing import Any

import pytest
from common import ids

pytest_plugins = ["stack.pytest_fixtures", "stack.quick_setup", "stack.documented"]

LONGEST = (
    "tests/integration/test_embedded.py",
    "tests/faults/test_mutants.py",
    "tests/integration/",
    "tests/web/",
    "tests/faults/",
    "services/schedule-svc/tests/test_schedule_convergence.py",
    "tests/stack/",
    "services/payment-svc/tests/test_payment_properties.py",
    "services/booking-svc/tests/test_booking_saga.py",
    "libs/common/tests/test_delivery_crash_points.py",
    "tools/haoyuan-roster/tests/test_roster_tool_broker.py",
    "tests/openapi/",
)
"""What takes longest, in order. A folder goes as one to one process, as its files share systems that take long to start."""


def _the_key_of_ids_stays() -> Iterator[None]:
    """A test, or a system of a module, that has another ID_KEY leaves this process as it found it."""
    key = ids._key  # noqa: SLF001  there is no other way to know it
    yield
    ids._key = key  # noqa: SLF001


_after_each_module = pytest.fixture(_the_key_of_ids_stays, autouse=True, scope="module", name="_ids_of_module")
_after_each_test = pytest.fixture(_the_key_of_ids_stays, autouse=True, name="_ids_of_test")


class Work(OrderedDict[str, dict[str, bool]]):
    """Files and folders that are left, with their tests; xdist puts in first what has most tests.

    When half of the tests have been handed out it is the turn of what takes longest: at the end one process would have it alone,
    and from the beginning the shared systems would idle through everything else.
    """

    whole = 0

    def popitem(self, last: bool = True) -> tuple[str, dict[str, bool]]:
        """What is next, whatever xdist says about `last`."""
        del last
        left = sum(map(len, self.values()))
        self.whole = max(self.whole, left)
        long = [scope for scope in LONGEST if scope in self]
        short = (scope for scope in self if scope not in LONGEST)
        scope = long[0] if long and left <= self.whole / 2 else next(short, *long[:1])
        return scope, self.pop(scope)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """`--dist loadfile`, but with the above."""
    if config.getvalue("dist") != "loadfile":
        return None
    from xdist.scheduler import LoadFileScheduling

    class Scheduling(LoadFileScheduling):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__(config, log)
            self.workqueue = Work()

        def _split_scope(self, nodeid: str) -> str:
            return next((scope for scope in LONGEST if nodeid.startswith(scope)), super()._split_scope(nodeid))

    return Scheduling()
