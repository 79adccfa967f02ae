"""`make run` as a newcomer sees it: it starts, says where to go, survives kill -9, ends on Ctrl-C."""

import os
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest
from actors import Hospital, Patient, eventually
from houses import running

from audit.figures import settle
from demo.client import Client, Refused
from demo.seed import ACCOUNTS
from demo.seed import PASSWORD as DEMO_PASSWORD
from stack.process import descendants

ROOT = Path(__file__).parents[2]


def test_the_printed_walk_through_works_and_ctrl_c_ends_it_cleanly(tmp_path):
    with running(tmp_path) as run:
        done = subprocess.run(["bash", "-c", run.walkthrough()], capture_output=True, text=True, timeout=90, check=True)
        assert "the order is confirmed" in done.stdout, done.stdout + done.stderr
        assert "the order is cancelled" in done.stdout, done.stdout + done.stderr
        assert '"state":"entered"' in done.stdout, done.stdout + done.stderr
        assert 'event: visit\ndata: {"id":"vis_' in done.stdout, done.stdout + done.stderr
        assert "the order is fulfilled" in done.stdout, done.stdout + done.stderr
        assert "VERIFIED against itself only: lottery of 2 numbers among 4 entrants" in done.stdout, (
            done.stdout + done.stderr
        )
        children = descendants(run.process.pid)
        assert children, "the document store runs beside it"
        assert settle(run.operator(), 20) == []
        assert run.end(signal.SIGINT) == 0
        assert not [pid for pid in children if Path(f"/proc/{pid}").exists()], "it leaves nothing behind"


@pytest.mark.faults
def test_after_kill_9_it_goes_on_where_it_was(tmp_path):
    with running(tmp_path, PAYMENT_WINDOW_SECONDS="4") as run:
        patient = Patient(run.base)
        hospital = Hospital(run.base, run.operator())
        session, other = hospital.session(5), hospital.session(5)
        paid = patient.order(session)
        patient.pay(paid["id"], "alipay")
        patient.state(paid["id"], "confirmed")
        unpaid = patient.order(other)["id"]
        patient.post(f"/orders/{paid['id']}/cancel")
        in_flight = [patient.order(session, wait=0)["id"] for _ in range(3)]
        run.end(signal.SIGKILL)
    with running(tmp_path, PAYMENT_WINDOW_SECONDS="4") as run:
        patient.base = run.base
        patient.state(paid["id"], "cancelled", 90)  # its refund is asked for again: of WeChat Pay only after a minute
        for order in [unpaid, *in_flight]:
            patient.state(order, "expired", 90)
        hospital.operator = hospital.registrar = run.operator()
        eventually(lambda: [hospital.see(s)["remaining"] for s in (session, other)] == [5, 5], "every number is back")
        assert settle(run.operator(), 20) == []


@pytest.mark.faults
def test_a_document_store_that_dies_is_started_again_and_nothing_goes_untold(tmp_path):
    with running(tmp_path) as run:
        operator = run.operator()
        for child in descendants(run.process.pid):
            os.kill(child, signal.SIGKILL)
        patient = Patient(run.base)

        def told() -> bool:
            with suppress(Refused):  # 503 while it is away
                return patient.inbox() == ["user_registered"]
            return False

        eventually(told, "she is told")
        assert settle(operator, 20) == []
        run.end(signal.SIGKILL)
    assert "died" in run.logged
    assert "Traceback" not in run.logged, f"a store that is away is no surprise: {run.logged}"


def test_a_taken_port_is_said_in_words(tmp_path):
    with running(tmp_path / "a") as run:
        port = run.url.rpartition(":")[2]
        second = subprocess.run(
            [sys.executable, "-m", "embedded"],
            cwd=ROOT,
            env={**os.environ, "DATA_DIR": str(tmp_path / "b"), "PORT": port, "PAYMENT_SANDBOX_PORT": "0"},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert second.returncode == 1
        assert f"cannot start: port {port} is taken" in second.stderr
        assert "Traceback" not in second.stderr


def test_in_production_nobody_has_a_published_password(tmp_path):
    with running(tmp_path / "data", APP_ENV="production") as run:
        assert DEMO_PASSWORD not in run.said
        assert "e-mails and SMS arrive at" not in run.said
        assert not (tmp_path / "data" / "mailbox").exists()
        assert run.operator().get("/hospitals")["items"] == []
        for account in ACCOUNTS:
            with pytest.raises(Refused) as refused:
                Client(run.base).login(account.username, DEMO_PASSWORD)
            assert refused.value.status == 401
        assert run.end(signal.SIGINT) == 0
    readable = [p for p in (tmp_path / "data").rglob("*") if p.stat().st_mode & 0o077]
    assert readable == [], "nobody else on this machine may read it"


@pytest.mark.parametrize(("variable", "value"), [("PORT", "eighty"), ("LOG_LEVEL", "LOUD"), ("PARTITIONS", "many")])
def test_a_bad_setting_is_said_in_words(tmp_path, variable, value):
    done = subprocess.run(
        [sys.executable, "-m", "embedded"],
        cwd=ROOT,
        env={**os.environ, "DATA_DIR": str(tmp_path), "PORT": "0", variable: value},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 1
    assert "cannot start" in done.stderr
    assert value in done.stderr
    assert "Traceback" not in done.stderr
