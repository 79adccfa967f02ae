"""A service as the chassis runs it: what `<x>_svc.app.build()` answers, the one composition root of each."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from flask import Flask
from sqlalchemy import Connection

from common.foreign import Intake, Outlet
from common.outbox import Database
from common.outbox.timers import JobHandler, TimerHandler
from common.processor import Processor, Store, Subscriptions
from common.settings import Settings
from common.web.stream import Hub


class Part(Protocol):
    """Something that works in the background, in a thread of its own, of a worker or of embedded mode."""

    def start(self) -> None: ...
    def stop(self) -> None: ...

    @property
    def dead(self) -> bool:
        """True if its thread has ended though nobody stopped it."""
        ...


@dataclass
class Service:
    """One service, wired. `parts` holds what its views and jobs need beyond the store (providers, caches)."""

    name: str
    settings: Settings
    store: Store
    subscriptions: Subscriptions
    migrate: Callable[[], None]
    missing: Callable[[], list[str]]
    """What is not ready: empty when requests and messages can be served. For /readyz."""
    intakes: Sequence[Intake] = ()
    outlets: Sequence[Outlet] = ()
    timers: Mapping[str, TimerHandler] = field(default_factory=dict)
    jobs: Mapping[str, JobHandler] = field(default_factory=dict)
    loops: Sequence[Callable[[], Part]] = ()
    """What works in the background beside timers and jobs, which are rows in SQL; each is made where it is to run."""
    figures: Callable[[], dict[str, Any]] = dict
    """The service's own figures, which `python -m audit` compares with the others'."""
    parts: Any = None
    streams: Hub | None = None
    """Who listens to live streams here; they end as soon as the process is told to end."""
    web: Flask | None = None

    @property
    def database(self) -> Database:
        """The store of a service that keeps its state in SQL."""
        if not isinstance(self.store, Database):
            raise TypeError(f"{self.name} has no SQL database")
        return self.store

    @property
    def app(self) -> Flask:
        if self.web is None:
            raise TypeError(f"{self.name} was built without its web application")
        return self.web

    @property
    def processor(self) -> Processor:
        return Processor(self.name, self.store, self.subscriptions, self.intakes)


def sql_missing(database: Database, package: str) -> Callable[[], list[str]]:
    """A readiness check: the database answers and its schema is the code's."""
    from common.outbox.migrate import pending

    ready = False

    def missing() -> list[str]:
        nonlocal ready
        try:
            if not ready:
                ready = not pending(database, package)
                return [] if ready else ["migrations"]
            with database.reading() as conn:
                conn.exec_driver_sql("SELECT 1")
        except Exception as error:
            if database.is_transient(error):
                return ["database"]
            raise
        return []

    return missing


def sql_figures(database: Database, own: Callable[[Connection], dict[str, Any]]) -> Callable[[], dict[str, Any]]:
    """A service's figures: its `own`, and how much work waits in the chassis' tables."""

    def figures() -> dict[str, Any]:
        with database.reading() as conn:
            return {**own(conn), "chassis": database.backlog(conn)}

    return figures
