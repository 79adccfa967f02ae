"""Child processes: their end is ours to decide, and ours is theirs."""

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from stack.keeper import FIRST_PAUSE, LONGEST_PAUSE, STEADY, Keeper
from stack.process import Command, Process, descendants, finish, free_port, listening, stop_all, wait_until
from stack.server import HttpServer

PARENT = "import subprocess, sys; subprocess.Popen(['sleep', '100']); print('up', flush=True); sys.stdin.read(); import time; time.sleep(100)"
DEAF = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up', flush=True); time.sleep(100)"


def run(tmp_path: Path, code: str, name: str = "child", **options: object) -> Process:
    process = Process(name, Command([sys.executable, "-c", code], **options), tmp_path / f"{name}.log")  # type: ignore[arg-type]
    process.start()
    wait_until(lambda: "up" in process.last_words() or not process.alive, 10, "its first word")
    return process


def runs(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_kill_takes_the_children_too(tmp_path: Path) -> None:
    parent = run(tmp_path, PARENT)
    wait_until(lambda: len(descendants(parent.pid)) == 1, 5, "the child")
    (child,) = descendants(parent.pid)
    parent.kill()
    assert not parent.alive
    assert parent.fate == "SIGKILL"
    assert not runs(child)


def test_a_deaf_process_is_killed_in_the_end(tmp_path: Path) -> None:
    deaf = run(tmp_path, DEAF)
    deaf.stop(seconds=0.3)
    assert deaf.fate == "SIGKILL"


def test_a_frozen_process_hears_the_request_to_stop(tmp_path: Path) -> None:
    frozen = run(tmp_path, "import time; print('up', flush=True); time.sleep(100)")
    frozen.pause()
    state = Path(f"/proc/{frozen.pid}/stat")
    wait_until(lambda: state.read_text().rpartition(")")[2].split()[0] == "T", 5, "frozen")
    frozen.stop()
    assert frozen.fate == "SIGTERM"


def test_what_a_dead_leader_left_goes_before_the_next_start(tmp_path: Path) -> None:
    parent = run(tmp_path, PARENT)
    wait_until(lambda: len(descendants(parent.pid)) == 1, 5, "the child")
    (child,) = descendants(parent.pid)
    os.kill(parent.pid, signal.SIGKILL)
    wait_until(lambda: not parent.alive, 5, "the death of the leader")
    assert runs(child)
    parent.start()
    wait_until(lambda: not runs(child), 5, "the end of the orphan")
    parent.kill()


def test_no_orphans_when_we_are_killed(tmp_path: Path) -> None:
    code = (
        "import sys, time; from pathlib import Path; from stack.process import Command, Process\n"
        f"p = Process('c', Command(['sleep', '100']), Path({str(tmp_path)!r}) / 'c.log'); p.start(); print(p.pid, flush=True); time.sleep(100)"
    )
    root = Path(__file__).parents[2]
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, cwd=root) as supervisor:
        assert supervisor.stdout
        child = int(supervisor.stdout.readline())
        wait_until(lambda: Path(f"/proc/{child}/comm").read_text() == "sleep\n", 5, "the child's own program")
        supervisor.kill()
    wait_until(lambda: not runs(child), 5, "the end of the child")


def test_changed_variables_reach_the_next_life(tmp_path: Path) -> None:
    child = run(tmp_path, "import os; print('up', os.environ.get('X'), flush=True)", env={"X": "1"})
    wait_until(lambda: not child.alive, 5, "its end")
    child.set_env(X="2")
    child.start()
    wait_until(lambda: not child.alive, 5, "its second end")
    assert child.last_words().split("\n") == ["up 1", "up 2"]


def test_finish_tells_which_command_failed_and_what_it_said(tmp_path: Path) -> None:
    good = run(tmp_path, "print('up')", "good")
    bad = run(tmp_path, "import sys; print('up'); sys.exit('no database')", "bad")
    with pytest.raises(ChildProcessError, match=r"(?s)bad ended with 1.*no database"):
        finish([good, bad], 10)
    slow = run(tmp_path, "import time; print('up', flush=True); time.sleep(100)", "slow")
    with pytest.raises(TimeoutError, match="slow"):
        finish([slow], 0.2)
    assert not slow.alive


def test_ports_are_ours_alone_and_not_the_clients() -> None:
    low = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    ports = [free_port() for _ in range(100)]
    assert len(set(ports)) == len(ports)
    assert all(1024 < port < low for port in ports)
    with socket.socket() as stranger, pytest.raises(OSError, match="in use"):
        stranger.bind(("127.0.0.1", ports[0]))
    with socket.create_server(("127.0.0.1", ports[0])):
        assert listening(ports[0])


def test_the_keeper_revives_with_growing_pauses_and_starts_over_after_a_steady_life(tmp_path: Path) -> None:
    now, said = [0.0], []
    process = Process("worker", Command(["sleep", "100"]), tmp_path / "w.log")
    part = HttpServer(process, 1, "/")
    part.launch()
    keeper = Keeper([part], lambda name, text: said.append((name, text)), clock=lambda: now[0])

    def pause_after_death() -> float:
        part.kill()
        keeper.tend()
        died = now[0]
        while not part.alive:
            now[0] += 0.25
            keeper.tend()
        return now[0] - died

    pauses = [pause_after_death() for _ in range(7)]
    assert pauses == sorted(pauses)
    assert (pauses[0], pauses[-1]) == (2 * FIRST_PAUSE, LONGEST_PAUSE)
    now[0] += STEADY + 1
    assert pause_after_death() == FIRST_PAUSE
    assert said[0] == ("worker", "died (SIGKILL); starts again in 1 s")
    part.stop()
    keeper.tend()
    now[0] += 100
    keeper.tend()
    assert not part.alive, "what was stopped stays so"


def test_stop_all_asks_all_before_it_waits(tmp_path: Path) -> None:
    slow = "import signal, sys, time\nsignal.signal(signal.SIGTERM, lambda *_: (time.sleep(0.5), sys.exit(0)))\nprint('up', flush=True)\ntime.sleep(100)"
    family = [run(tmp_path, slow, f"c{number}") for number in range(4)]
    stop_all(family, seconds=1.5)
    assert [one.exit_status for one in family] == [0] * 4
