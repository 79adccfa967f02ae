"""CPU time of the whole system: every process of it, those that have ended included, by what it belongs to.

Linux only. A process's own time and that of its children that have ended and been waited for stand in /proc/<pid>/stat, so the
sum over a living tree misses nothing but orphans, and we have none.
"""

import contextlib
import itertools
import os
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from stack.process import Process
from stack.system import ROLES, STREAM, STREAMING, System

_TICKS = os.sysconf("SC_CLK_TCK")
MOST_READINGS = 200
MONGO = "mongo (nx-27017)"


@dataclass(frozen=True)
class Usage:
    """Seconds of CPU by group."""

    groups: dict[str, float]

    @property
    def total(self) -> float:
        return sum(self.groups.values())

    def per(self, operations: int) -> "Usage":
        """Milliseconds an operation."""
        return Usage({name: seconds * 1000 / max(operations, 1) for name, seconds in self.groups.items()})

    def since(self, before: "Usage") -> "Usage":
        return Usage({name: seconds - before.groups.get(name, 0.0) for name, seconds in self.groups.items()})


def usage(system: System) -> Usage:
    """What the system has used so far."""
    return of_processes(roots(system))


def of_processes(pids: Mapping[str, int]) -> Usage:
    """What these processes and all below them have used, by name.

    A process that ends while we read would count twice: by itself, and in the time of its parent, if we read that later. So a
    reading counts when the next one finds the same processes.
    """
    readings = (_table() for _ in range(MOST_READINGS))
    for (ticks, children), (_, later) in itertools.pairwise(readings):
        if all(_tree(pid, children) == _tree(pid, later) for pid in pids.values()):
            return Usage(
                {name: sum(ticks.get(p, 0) for p in _tree(pid, children)) / _TICKS for name, pid in pids.items()}
            )
    raise TimeoutError("processes come and go without end")


def roots(system: System) -> dict[str, int]:
    """The first process of each group, of those that run. Raises TypeError for servers in containers: their time is not ours to see."""
    found = {"nginx": system.gateway.process.pid}
    for service in system.services:
        for role in (*ROLES, *([STREAM] if service in STREAMING else [])):
            part = system.part(service, role)
            if part.alive:
                found[f"{service} {role}"] = part.process.pid
    for server, name in zip(system.servers.all, ("rabbitmq", "postgres", "redis", MONGO), strict=True):
        runner = server.runner
        if not isinstance(runner, Process):
            raise TypeError("the bench counts CPU time, so it needs local servers: STACK_SERVERS=local")
        found[name] = runner.pid
    return found


def tree(pid: int) -> set[int]:
    """A process and all below it."""
    return _tree(pid, _table()[1])


def _table() -> tuple[dict[int, int], dict[int, list[int]]]:
    ticks: dict[int, int] = {}
    children: defaultdict[int, list[int]] = defaultdict(list)
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            values = stat.read_text().rpartition(")")[2].split()
            pid = int(stat.parent.name)
            ticks[pid] = sum(map(int, values[11:15]))  # utime, stime, cutime, cstime
            children[int(values[1])].append(pid)
    return ticks, children


def _tree(pid: int, children: dict[int, list[int]]) -> set[int]:
    return {pid}.union(*(_tree(child, children) for child in children.get(pid, ())))
