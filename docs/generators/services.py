"""The five services as they are, wired but started nowhere: what the pages are generated from."""

import functools
import importlib
from types import ModuleType
from typing import Protocol

from common.platform import SERVICES as NAMES
from common.service import Service
from flask import Flask

from audit import app as audit

__all__ = ["NAMES", "Documented", "build_all", "build_audit", "module_of"]


class Documented(Protocol):
    """What answers requests and says which: a service, or the audit beside them."""

    name: str

    @property
    def app(self) -> Flask: ...


# Nothing is connected to before it is used, and nothing is used here.
_ENVIRONMENT = {"APP_ENV": "test", "DATABASE_URL": "sqlite://", "MONGO_URL": "mongodb://nowhere.invalid/docs"}


def module_of(name: str) -> ModuleType:
    """The composition root of a service, "booking-svc" say."""
    return importlib.import_module(f"{name.replace('-', '_')}.app")


@functools.cache
def build_all() -> tuple[Service, ...]:
    """Each service, built as its own processes build it."""
    built = []
    for name in NAMES:
        module = module_of(name)
        built.append(module.build(module.Settings.load(_ENVIRONMENT)))
    return tuple(built)


@functools.cache
def build_audit() -> Documented:
    """The audit, likewise."""
    return audit.build(audit.Settings.load({}))
