"""The five services of an embedded system, and in it the world of tests/integration/attack_world.py."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent.parent / "integration"))

import attack_world
from common.settings import Settings

from embedded.system import System

ROOMY = {
    "LIMIT_REGISTRATIONS_ADDRESS": "100000/minute",
    "LIMIT_LOGINS_ADDRESS": "100000/minute",
    "LIMIT_CODES_ADDRESS": "100000/minute",
    "PASSWORD_TIME_COST": "1",
    "PASSWORD_MEMORY": "64",
}


@pytest.fixture(scope="session")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    # this process's key stays what other tests of this run minted their ids with
    with System(tmp_path_factory.mktemp("access"), env={**ROOMY, "ID_KEY": Settings().id_key}) as made:
        yield made


@pytest.fixture(scope="session")
def world(system: System) -> attack_world.World:
    return attack_world.build(system)
