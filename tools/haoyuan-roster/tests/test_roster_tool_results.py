"""Reading results on a real RabbitMQ, as a hospital's user with a hospital's permissions."""

import json
import threading

import pika
import pytest
from haoyuan_roster.link import Link
from roster_tool_broker import INTAKE, until


class TestWatch:
    def test_results_are_shown_as_tables_and_only_those_are_acknowledged(self, run, broker):
        row = {"path": "sessions[3].fee", "session_id": None, "code": "invalid", "severity": "error", "message": "坏"}
        broker.answer("one", status="partial", rows=[row], more=4, counts={"applied": 5, "rejected": 1})
        broker.answer("two")
        broker.answer("three")
        status, out, _ = run("watch", "--until-done", "two")
        assert status == 0
        assert "one: partial; rows: 5 applied, 1 rejected" in out
        assert "sessions[3].fee       invalid  error" in out
        assert "and 4 more" in out
        assert "three" not in out
        until(lambda: broker.depth("roster.results.eastgate") == 1)

    def test_a_rejected_event_decides_the_exit_status(self, run, broker):
        broker.answer("one", status="rejected")
        assert run("watch", "--until-done", "one")[0] == 1

    def test_what_is_no_result_is_shown_as_it_is(self, run, broker):
        for body in (b"\xff\x00", b"{}", b'{"type": "other", "data": {}}'):
            broker.channel.basic_publish("roster.out", "res.eastgate", body)
        broker.answer("one")
        status, out, _ = run("watch", "--until-done", "one")
        assert status == 0
        assert out.count("this is no result") == 3

    def test_a_result_that_does_not_come_is_told(self, run, broker):
        broker.answer("two")
        status, out, err = run("watch", "--until-done", "one", "--timeout", "1")
        assert status == 3
        assert "two: applied" in out
        assert "no result yet of 1: one" in err

    def test_what_could_not_be_printed_is_not_acknowledged(self, broker):
        def closed(_body):
            raise BrokenPipeError

        broker.answer("one")
        with Link(broker.url("eastgate"), lambda _: None) as link, pytest.raises(BrokenPipeError):
            link.listen("roster.results.eastgate", closed, lambda: False)
        until(lambda: broker.depth("roster.results.eastgate") == 1)

    def test_anothers_results_are_refused(self, run, broker):
        status, _, err = run("watch", "--hospital", "westgate", "--timeout", "1")
        assert status == 3
        assert "ACCESS_REFUSED" in err
        assert "roster.results.westgate" in err


class TestWait:
    @pytest.fixture
    def platform(self, broker):
        """Answers each event that comes, in a thread of its own."""
        verdicts = {"status": "applied"}
        stop = threading.Event()

        def serve():
            connection = pika.BlockingConnection(pika.URLParameters(broker.admin_url))
            channel = connection.channel()
            while not stop.is_set():
                _, _, body = channel.basic_get(INTAKE, auto_ack=True)
                if body is None:
                    connection.sleep(0.01)
                else:
                    broker.answer(json.loads(body)["id"], channel=channel, **verdicts)
            connection.close()

        thread = threading.Thread(target=serve)
        thread.start()
        yield verdicts
        stop.set()
        thread.join()

    def test_publishing_waits_for_the_results_of_what_it_sent(self, run, platform, broker, roster):
        broker.answer("yesterday's", status="rejected")
        status, out, _ = run("publish", roster, "--wait", "--part-size", "3")
        assert status == 0
        assert out.count("applied; rows") == 3
        assert "yesterday's: rejected" in out
        assert broker.depth("roster.results.eastgate") == 0

    def test_the_results_decide_the_exit_status(self, run, platform, roster):
        platform["status"] = "partial"
        assert run("publish", roster, "--wait")[0] == 1
        assert run("resume", "S1", "--wait")[0] == 1

    def test_a_row_is_named_by_its_code_too(self, run, platform, roster):
        row = {"path": "sessions[0].fee", "session_id": None, "code": "invalid", "severity": "error", "message": "x"}
        platform["rows"] = [row, row | {"path": "doctors[0].name"}, row | {"path": "part"}]
        _, out, _ = run("publish", roster, "--wait", "--part-size", "3")
        lines = [line.split()[:2] for line in out.splitlines() if "invalid" in line]
        assert [code for path, code in lines if path == "sessions[0].fee"] == [
            "D001-20261207-morning",  # after a department and a doctor
            "D001-20261208-morning",
            "D001-20261211-morning",
        ]
        assert lines[1] == ["doctors[0].name", "D001"]
        assert lines[2] == ["part", "invalid"]

    def test_an_answer_that_does_not_come_is_told(self, run, roster):
        status, _, err = run("publish", roster, "--wait", "--timeout", "1")
        assert status == 3
        assert "no result yet of 1" in err
