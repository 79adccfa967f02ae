"""The five services as they are, wired but started nowhere: what the pages are generated from."""

import functools
import importlib
from types import ModuleType

from common.platform import SERVICES as NAMES
from common.service import Service

__all__ = ["NAMES", "build_all", "module_of"]

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
