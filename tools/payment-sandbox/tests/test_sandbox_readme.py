"""The README names everything that there is, and its examples work."""

import json
import re
import subprocess
from dataclasses import fields
from pathlib import Path

import pytest
import requests
from payment_sandbox.asked import CALLS, CHANGES
from payment_sandbox.faults import EVERY
from payment_sandbox.parts import Options

README = (Path(__file__).parent.parent / "README.md").read_text(encoding="utf-8")
CONTROL = README[README.index("## Control") :]
FUNCTION, *EXAMPLES = (line for line in CONTROL.splitlines() if line.startswith("ctl"))
CURL = r"""#!/bin/sh
printf '%s\0' "$@"
"""


@pytest.mark.parametrize("name", [*EVERY, *CALLS, *CHANGES, *(field.name for field in fields(Options))])
def test_it_names_every_fault_call_change_and_option(name):
    assert f"`{name}`" in CONTROL or f'{{"do": "{name}"}}' in CONTROL


def test_it_names_every_way_to_control(server):
    for rule in server.app.url_map.iter_rules():
        if rule.rule.startswith("/_ctl/"):
            path = rule.rule.removeprefix("/_ctl").split("/<")[0]
            assert any(example.startswith(f"ctl {path.removeprefix('/')}") for example in EXAMPLES), rule


@pytest.mark.parametrize("example", EXAMPLES)
def test_its_examples_work(caller, example, tmp_path):
    """Pasted into a shell, in which curl only says what it was to do."""
    caller.create("HY1", notify_url="http://127.0.0.1:9/")
    if "/pay" not in example:
        caller.ctl("POST", "/trades/wechat/HY1/pay")
    if '"state"' in example:
        caller.ctl("POST", "/options", {"refund_outcome": "processing"})
    caller.call("refund", "HYR1", trade_number="HY1", notify_url="http://127.0.0.1:9/")
    (tmp_path / "curl").write_text(CURL)
    (tmp_path / "curl").chmod(0o755)
    pasted = ["/bin/sh", "-c", f"{FUNCTION}\n{example}"]
    said = subprocess.run(pasted, env={"PATH": f"{tmp_path}:/usr/bin:/bin"}, capture_output=True, check=True, text=True)
    quiet, header, kind, url, *rest = said.stdout.split("\0")[:-1]
    assert (quiet, header, kind) == ("-sS", "-H", "content-type:application/json")
    options = dict(zip(rest[::2], rest[1::2], strict=True))
    sent = json.loads(options["-d"]) if "-d" in options else None
    method = options.get("-X", "GET" if sent is None else "POST")
    answer = requests.request(method, url.replace("http://127.0.0.1:8090", caller.url), json=sent, timeout=20)
    assert answer.status_code == 200, answer.text


def test_every_variable_is_read():
    source = (Path(__file__).parent.parent / "payment_sandbox/__main__.py").read_text(encoding="utf-8")
    named = set(re.findall(r"PAYMENT_SANDBOX_[A-Z]+", README))
    assert named == set(re.findall(r"PAYMENT_SANDBOX_[A-Z]+", source))
