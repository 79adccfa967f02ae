"""The command as a shell sees it: exit statuses, streams, no traceback whatever it is given."""

import io
import json
import os
import signal
import socket
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from haoyuan_roster import interruption
from haoyuan_roster.cli import main
from haoyuan_roster.link import Link
from haoyuan_roster.show import Progress, table, width
from roster_tool_rig import csv_text, on_day, session

COMMAND = Path(sys.executable).with_name("haoyuan-roster")


@pytest.fixture
def shell(tmp_path):
    """Run the installed command in a folder of its own, with nothing said by the environment."""
    env = {name: value for name, value in os.environ.items() if not name.startswith("HAOYUAN_")}
    env |= {"HOME": str(tmp_path), "PYTHONWARNINGS": "error", "PYTHONDEVMODE": "1"}

    def shell(*arguments, **more):
        done = subprocess.run(
            [COMMAND, *map(str, arguments)],
            capture_output=True,
            cwd=tmp_path,
            env=env | more,
            timeout=60,
            check=False,
        )
        for stream in (done.stdout, done.stderr):
            assert b"Traceback" not in stream, stream.decode()
            assert b"Warning" not in stream, stream.decode()
        return done.returncode, done.stdout.decode(), done.stderr.decode()

    return shell


@pytest.fixture
def call(tmp_path, monkeypatch, capsys):
    """The same without a process, which is quicker."""
    for name in [name for name in os.environ if name.startswith("HAOYUAN_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)

    def call(*arguments):
        try:
            status = main([str(argument) for argument in arguments])
        except SystemExit as end:  # argparse's
            status = end.code
        return status, *capsys.readouterr()

    return call


@pytest.fixture
def file(tmp_path):
    def file(name, content):
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return file


def test_a_good_roster_is_0_in_both_formats(shell, file):
    status, out, err = shell("validate", file("r.csv", csv_text({}).encode("gbk")))
    assert (status, err) == (0, "")
    assert out == "r.csv (CSV, GB18030): 1 department, 1 doctor, 5 sessions; 0 errors, 0 warnings\n"
    status, out, _ = shell("validate", file("r.json", json.dumps({"sessions": [session()]})))
    assert status == 0
    assert out == "r.json (JSON): 0 departments, 0 doctors, 1 session; 0 errors, 0 warnings\n"


def test_a_roster_with_faults_is_1_and_they_stand_in_a_table(shell, file):
    status, out, _ = shell("validate", file("r.csv", csv_text({"hours": "M-F 25:00-26:00"}, {"room": "二"})))
    assert status == 1
    header, rule, row, summary = out.splitlines()
    assert header.split() == ["where", "code", "severity", "message"]
    assert set(rule) == {"-", " "}
    assert row.split()[:5] == ["line", "2,", "hours", "bad_time", "error"]
    assert "“M-F 25:00-26:00”: “25:00” is no time of day" in row
    assert summary.endswith("5 sessions; 1 error, 0 warnings; 1 line left out")


def test_a_warning_is_0(call, file):
    status, out, _ = call("validate", file("r.csv", csv_text({"remarks": "x"})))
    assert status == 0
    assert "unknown_column" in out


def test_machines_get_json(call, file):
    status, out, _ = call("validate", "--json", file("r.csv", csv_text({"fee": "x"})))
    assert status == 1
    document = json.loads(out)
    assert (document["errors"], document["sessions"], document["encoding"]) == (1, 0, "utf-8-sig")
    assert document["notes"][0]["path"] == "line 2, fee"
    assert document["codes"] == {"bad_money": 1}


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "unreadable"),
        ("医生,科室\n".encode("utf-16"), "bad_encoding"),
        ("é,è\n".encode("latin-1"), "bad_encoding"),
        (os.urandom(1000) + b"\0", "bad_encoding"),
        (b"{", "not_json"),
        (b"[]", "not_json"),
        (b'{"a": "\xff"}', "bad_encoding"),
        (b'{"a": ' + b"[" * 100_000, "not_json"),
        (b"doctor,fee\n1,2\n", "bad_header"),
    ],
)
def test_a_file_that_cannot_be_read_is_2_with_a_code(call, file, content, code):
    path = file("r.dat", content)
    status, out, err = call("validate", path)
    assert (status, out) == (2, "")
    assert f"({code})" in err
    status, out, _ = call("validate", "--json", path)
    assert status == 2
    assert [note["code"] for note in json.loads(out)["notes"]] == [code]


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("validate",),
        ("validate", "absent.csv"),
        ("validate", "."),
        ("validate", "/dev/null"),
        ("validate", "r.csv", "--window", "2026-12-31..2026-12-01"),
        ("validate", "r.csv", "--window", "december"),
        ("publish", "r.csv"),
        ("publish", "r.csv", "--hospital", "renji"),
        ("publish", "r.csv", "--as-of", "2026-12-01T00:00", "--url", "amqp://h/"),
        ("publish", "r.csv", "--hospital", "renji", "--url", "amqp://h:port/"),
        ("publish", "r.csv", "--hospital", "renji", "--url", "http://h/"),
        ("publish", "r.csv", "--part-size", "0"),
        ("publish", "r.csv", "--part-size", "501"),
        ("publish", "r.csv", "--as-of", "2026-12-01T00:00"),
        ("publish", "r.csv", "--version", "-1"),
        ("publish", "r.json", "--version", "1", "--hospital", "renji", "--url", "amqp://h/"),
        ("publish", "r.json", "--hospital", "tongde", "--url", "amqp://h/"),
        ("stop", "S1"),
        ("add", "S1", "2026-12-01=x"),
        ("add", "S1", "25:00=1"),
        ("watch",),
        ("watch", "--hospital", "renji"),
    ],
)
def test_wrong_usage_is_2(call, file, arguments):
    file("r.csv", csv_text({}))
    file("r.json", json.dumps({"hospital": {"code": "renji", "name": "仁济"}, "sessions": [on_day(1)]}))
    status, _, err = call(*arguments)
    assert status == 2
    assert err


def test_a_broker_that_is_not_there_is_3_at_once_and_the_reason_told(call, file):
    path = file("r.csv", csv_text({}))
    for url, reason in (("amqp://127.0.0.1:1", "refused"), ("amqp://nowhere.invalid", "not known")):
        status, out, err = call("publish", path, "--hospital", "renji", "--url", url)
        assert status == 3
        assert "NOT delivered, or not confirmed: roster, 7 rows" in out
        assert reason in err


def test_what_is_no_broker_is_told(call, file):
    with socket.create_server(("127.0.0.1", 0)) as server:

        def answer():
            connection, _ = server.accept()
            with connection:
                connection.recv(8)
                connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")

        threading.Thread(target=answer, daemon=True).start()
        url = f"amqp://127.0.0.1:{server.getsockname()[1]}"
        status, _, err = call("watch", "--hospital", "renji", "--url", url)
    assert status == 3
    assert "AMQP" in err


def test_a_ledger_that_cannot_be_kept_is_2(call, file):
    path = file("r.csv", csv_text({}))
    arguments = ("publish", path, "--hospital", "renji", "--url", "amqp://127.0.0.1:1", "--ledger", path)
    status, _, err = call(*arguments)
    assert status == 2
    assert "--ledger" in err


def test_a_console_without_chinese_is_enough(shell, file):
    path = file("r.csv", csv_text({"hours": "周八 上午", "备注": ""}))
    status, out, _ = shell("validate", path, PYTHONIOENCODING="ascii")
    assert status == 1
    assert "unknown_weekday" in out


def test_a_reader_that_goes_away_is_no_fault(file):
    path = file("r.csv", csv_text(*[{"fee": "x"}] * 900))
    command = [COMMAND, "validate", path]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        process.stdout.read(10)
        process.stdout.close()
        assert process.stderr.read() == b""


def test_an_interruption_is_130(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"amqp://127.0.0.1:{silent.getsockname()[1]}"
        command = [COMMAND, "watch", "--hospital", "renji", "--url", url]
        process = subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.PIPE)
        with process, silent.accept()[0] as connection:
            connection.recv(8)  # it is there, and waits for an answer
            process.send_signal(signal.SIGINT)
            _, err = process.communicate(timeout=20)
    assert process.returncode == 130
    assert err.decode().strip() == "interrupted"


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_progress_is_a_bar_on_a_terminal_and_lines_elsewhere(monkeypatch):
    monkeypatch.setenv("TERM", "xterm")
    for stream in (Terminal(), io.StringIO()):
        progress = Progress(4, "events", stream)
        for n in range(4):
            progress.step(f"part {n + 1}")
        progress.end()
        if stream.isatty():
            assert stream.getvalue().count("\r") == 4
            assert "[###############...............] 2/4 events" in stream.getvalue()
            assert stream.getvalue().endswith("part 4\x1b[K\n")
        else:
            assert stream.getvalue() == "4 of 4 events, 0 s: part 4\n"


def test_a_table_stands_straight_with_chinese_in_it_and_shows_no_control_characters():
    lines = list(table(("name", "code"), [("王立群", "x"), ("a", "y\x1b[31m\n")]))
    assert lines[2] == "王立群  x"
    assert lines[3] == "a       y\\x1b[31m\\n"
    assert width("王立群ab") == 8
    assert list(table(("name",), [])) == []


def test_an_interruption_that_a_library_swallowed_is_no_lost_connection(monkeypatch):
    pressed = threading.Event()
    pressed.set()
    monkeypatch.setattr(interruption, "pressed", pressed)
    link = Link("amqp://127.0.0.1:9", print)  # nobody listens there
    with pytest.raises(KeyboardInterrupt):
        link.listen("roster.results.renji", print, lambda: False)
