"""The README names everything that there is, and its examples work; and the program starts as it says."""

import json
import os
import re
import signal
import subprocess
import sys
from dataclasses import fields
from pathlib import Path

import pytest
from mailbox_rig import ctl, send_alibaba
from mailbox_sandbox.faults import CALLS, FAULTS
from mailbox_sandbox.receipts import Options

README = (Path(__file__).parent.parent / "README.md").read_text(encoding="utf-8")
CONTROL = README[README.index("## Control") :]
FUNCTION, *EXAMPLES = (line for line in CONTROL.splitlines() if line.startswith("ctl"))
CURL = r"""#!/bin/sh
printf '%s\0' "$@"
"""


@pytest.mark.parametrize("name", [*FAULTS, *CALLS, *(field.name for field in fields(Options))])
def test_it_names_every_fault_call_and_option(name):
    assert f"`{name}`" in CONTROL


def test_it_names_every_way_to_control(mailbox):
    for rule in mailbox.app.url_map.iter_rules():
        if rule.rule.startswith("/_ctl/"):
            path = rule.rule.removeprefix("/_ctl/").split("/")[0]
            assert any(re.match(rf"ctl '?{path}\b", example) for example in EXAMPLES), rule


@pytest.mark.parametrize("example", EXAMPLES)
def test_its_examples_work(mailbox, example, tmp_path):
    """Pasted into a shell, in which curl only says what it was to do."""
    send_alibaba(mailbox)
    (tmp_path / "curl").write_text(CURL)
    (tmp_path / "curl").chmod(0o755)
    pasted = ["/bin/sh", "-c", f"{FUNCTION}\n{example}"]
    said = subprocess.run(pasted, env={"PATH": f"{tmp_path}:/usr/bin:/bin"}, capture_output=True, check=True, text=True)
    _, _, _, url, *rest = said.stdout.split("\0")[:-1]
    options = dict(zip(rest[::2], rest[1::2], strict=True))
    sent = json.loads(options["-d"]) if "-d" in options else None
    method = options.get("-X", "GET" if sent is None else "POST")
    answer = ctl(mailbox, method, url.removeprefix("http://127.0.0.1:8091/_ctl/"), sent)
    assert "status" not in answer, answer


def program(tmp_path, **env):
    known = {"PATH": os.environ["PATH"], "MAILBOX_DIR": str(tmp_path), "MAILBOX_PORT": "0", "MAILBOX_SMTP_PORT": "0"}
    return subprocess.Popen(
        [sys.executable, "-m", "mailbox_sandbox"],
        env=known | env,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_every_variable_is_read():
    source = (Path(__file__).parent.parent / "mailbox_sandbox/__main__.py").read_text(encoding="utf-8")
    assert set(re.findall(r"MAILBOX_[A-Z_]+", README)) == set(re.findall(r"MAILBOX_[A-Z_]+", source))


def test_it_says_where_it_is_and_ends_when_told(tmp_path):
    with program(tmp_path) as running:
        assert re.match(r"mailbox: http://127\.0\.0\.1:\d+, SMTP at \d+", running.stdout.readline())
        running.send_signal(signal.SIGTERM)
        assert running.wait(20) == 0


@pytest.mark.parametrize(
    ("env", "reason"), [({"APP_ENV": "Production"}, "must not run"), ({"MAILBOX_PORT": "x"}, "is no port")]
)
def test_it_says_why_it_does_not_start(tmp_path, env, reason):
    with program(tmp_path, **env) as running:
        assert reason in running.communicate(timeout=20)[1]
        assert running.returncode == 1
