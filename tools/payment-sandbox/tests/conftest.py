import pytest
from sandbox_rig import Caller, a_merchant, a_server


@pytest.fixture
def server(tmp_path):
    """A sandbox with stubs for vendors."""
    with a_server(tmp_path / "sandbox") as running:
        yield running


@pytest.fixture
def sandbox(server):
    return server.sandbox


@pytest.fixture
def caller(server):
    return Caller(server)


@pytest.fixture
def merchant():
    with a_merchant() as listening:
        yield listening
