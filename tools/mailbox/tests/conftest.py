import pytest
from mailbox_rig import a_mailbox


@pytest.fixture
def mailbox(tmp_path):
    with a_mailbox(tmp_path / "mailbox") as server:
        yield server
