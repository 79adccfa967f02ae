"""Publishing on a real RabbitMQ, as a hospital's user with a hospital's permissions."""

import itertools
import json
import threading
import time

import pytest
from haoyuan_roster.cli import main
from haoyuan_roster.faults import Undelivered
from haoyuan_roster.link import Link
from haoyuan_roster.parts import letter
from haoyuan_roster_format import Event, decode, read
from roster_tool_broker import INTAKE, until
from roster_tool_rig import csv_text, on_day, utc

NOW = utc("2026-11-22T12:00:00+08:00")


class TestPublish:
    def test_events_are_confirmed_persistent_signed_and_readable(self, run, broker, roster):
        status, out, err = run("publish", roster, "--part-size", "3")
        assert status == 0, err
        arrived = broker.take()
        assert len(arrived) == 3
        for number, (method, properties, document) in enumerate(arrived, 1):
            assert method.routing_key == "eastgate.roster.roster_published.v1"
            assert properties.user_id == "eastgate"
            assert properties.delivery_mode == 2
            assert properties.content_type == "application/cloudevents+json"
            assert properties.message_id == document["id"]
            assert properties.type == document["type"]
            event = read(decode(json.dumps(document).encode())[0])
            assert isinstance(event, Event)
            assert event.data["part"]["number"] == number
            assert document["id"] in out
        assert sum(len(d["data"]["sessions"]) for _, _, d in arrived) == 5
        assert "delivered: 3 of 3 events, 7 rows" in out
        assert "part 3 of 3" in err

    def test_rows_with_errors_keep_a_roster_back_unless_they_are_to_be_left_out(self, run, broker, roster):
        roster.write_text(csv_text({}, {"doctor": "D2", "hours": "M-F 25:00-26:00"}), encoding="utf-8")
        status, out, err = run("publish", roster)
        assert status == 1
        assert "line 3, hours" in out
        assert "nothing was sent" in err
        assert broker.take() == []
        status, *_ = run("publish", roster, "--keep-going")
        assert status == 1
        ((_, _, document),) = broker.take()
        assert {row["doctor"] for row in document["data"]["sessions"]} == {"D001"}

    def test_a_snapshot_with_errors_is_never_sent(self, run, broker, roster):
        roster.write_text(csv_text({}, {"fee": "x"}), encoding="utf-8")
        status, _, err = run("publish", roster, "--keep-going", "--window", "2026-12-01..2026-12-31")
        assert status == 1
        assert "taken for cancelled" in err
        assert broker.take() == []

    def test_an_empty_snapshot_is_never_sent(self, run, broker, roster):
        status, _, err = run("publish", roster, "--window", "2027-01-01..2027-01-31")
        assert status == 1
        assert "no session lies in the window" in err
        assert broker.take() == []

    def test_the_user_is_the_hospital_unless_something_else_is_said(self, run, broker, roster, monkeypatch):
        monkeypatch.delenv("HAOYUAN_ROSTER_HOSPITAL")
        assert run("publish", roster)[0] == 0
        ((method, _, document),) = broker.take()
        assert (method.routing_key, document["subject"]) == ("eastgate.roster.roster_published.v1", "eastgate")

    def test_a_snapshot_says_its_window_and_its_time(self, run, broker, roster):
        run("publish", roster, "--window", "2026-12-08..2026-12-09", "--as-of", "2026-11-22T02:00")
        ((_, _, document),) = broker.take()
        assert document["data"]["window"] == {"from": "2026-12-08", "to": "2026-12-09"}
        assert utc(document["data"]["as_of"]) == utc("2026-11-22T02:00:00+08:00")
        assert len(document["data"]["sessions"]) == 2

    def test_published_again_equal_rows_have_equal_versions(self, run, broker, roster):
        run("publish", roster)
        run("publish", roster)
        one, two = (document for _, _, document in broker.take())
        assert one["data"]["sessions"] == two["data"]["sessions"]
        assert one["id"] != two["id"]

    def test_what_no_queue_takes_is_told(self, run, broker, roster):
        broker.unbind()
        status, out, err = run("publish", roster, "--part-size", "3")
        assert status == 3
        assert "no queue is bound" in err
        assert "delivered: 0 of 3" in out
        assert "NOT delivered, or not confirmed: part 1 of 3" in out
        assert "NOT sent: the 2 events after that" in out

    def test_a_platform_that_is_not_set_up_is_told(self, run, broker, roster):
        broker.channel.exchange_delete("roster.in")
        status, _, err = run("publish", roster)
        assert status == 3
        assert "no exchange 'roster.in'" in err

    def test_a_foreign_key_is_refused_and_the_permission_named(self, run, broker, roster):
        status, _, err = run("publish", roster, "--hospital", "westgate")
        assert status == 3
        assert "no permission" in err
        assert "ACCESS_REFUSED" in err
        assert "westgate.roster.roster_published.v1" in err
        assert broker.take() == []

    def test_a_refused_login_and_a_refused_virtual_host_are_told_without_the_password(self, run, broker, roster):
        status, out, err = run("publish", roster, "--url", broker.url("eastgate", "wr0ng"))
        assert status == 3
        assert "the login is refused" in err
        assert "wr0ng" not in out + err
        status, out, err = run("publish", roster, "--url", broker.url("eastgate", vhost="nowhere"))
        assert status == 3
        assert "the virtual host is refused" in err

    def test_a_broker_that_speaks_no_tls_is_told(self, run, broker, roster):
        status, _, err = run("publish", roster, "--url", broker.url("eastgate").replace("amqp:", "amqps:"))
        assert status == 3
        assert "no connection to the broker" in err

    def test_a_single_event_says_what_it_should_with_versions_that_grow(self, run, broker):
        assert run("stop", "S1", "--reason", "医生生病")[0] == 0
        assert run("stop", "S1", "--reason", "医生生病")[0] == 0
        assert run("resume", "S1")[0] == 0
        assert run("add", "S1", "2026-12-07T08:00=2", "2026-12-07T08:30=1", "--version", "9")[0] == 0
        stop, again, resume, add = broker.take()
        assert [m.routing_key for m, *_ in (stop, resume, add)] == [
            "eastgate.roster.session_stopped.v1",
            "eastgate.roster.session_resumed.v1",
            "eastgate.roster.slots_added.v1",
        ]
        assert stop[2]["data"] == again[2]["data"]
        assert stop[2]["data"]["reason"] == "医生生病"
        assert resume[2]["data"] == {"session": "S1", "version": stop[2]["data"]["version"] + 1}
        assert [(utc(s["starts_at"]), s["extra"]) for s in add[2]["data"]["slots"]] == [
            (utc("2026-12-07T08:00:00+08:00"), 2),
            (utc("2026-12-07T08:30:00+08:00"), 1),
        ]
        assert add[2]["data"]["version"] == 9
        for _, _, document in (stop, resume, add):
            assert isinstance(read(document), Event)

    def test_a_single_event_that_cannot_be_is_not_sent(self, run, broker):
        assert run("stop", "S1", "--reason", "")[0] == 2
        assert run("add", "S1", "2026-12-07T08:00=2", "2026-12-07T08:00=1")[0] == 2
        assert broker.take() == []


class TestReconnect:
    def test_what_was_not_confirmed_is_repeated_under_its_id(self, broker, wire):
        said = []
        one, two = (letter("session_resumed", "eastgate", {"session": f"S{n}", "version": 1}, NOW) for n in (1, 2))
        with Link(broker.url("eastgate", port=wire.port), said.append) as link:
            link.send(one)
            wire.deaf.set()  # the event arrives, its confirmation does not
            sender = threading.Thread(target=link.send, args=(two,))
            sender.start()
            assert wire.silenced.wait(20)
            until(lambda: broker.depth(INTAKE) == 2)
            wire.cut()
            sender.join(20)
            assert not sender.is_alive()
        assert [document["id"] for *_, document in broker.take()] == [one.id, two.id, two.id]
        assert any("no connection" in line and "trying again" in line for line in said)
        assert any("connected again" in line for line in said)

    def test_a_roster_survives_connections_that_are_cut_all_the_time(self, run, broker, wire, tmp_path):
        path = tmp_path / "many.json"
        path.write_text(
            json.dumps({"sessions": [on_day(day, f"S{day}-{n}") for day in range(1, 29) for n in range(5)]})
        )
        wire.cut_every = 6000
        status, out, err = run("publish", path, "--part-size", "2", "--url", broker.url("eastgate", port=wire.port))
        assert wire.cuts > 5
        assert status == 0, err
        assert "delivered: 70 of 70 events" in out
        parts = [document["data"]["part"]["number"] for *_, document in broker.take()]
        assert sorted(set(parts)) == list(range(1, 71))
        assert list(dict.fromkeys(parts)) == sorted(set(parts))

    def test_a_broker_that_does_not_come_back_is_given_up_after_the_patience(self, broker, wire):
        said = []
        events = (letter("session_resumed", "eastgate", {"session": "S", "version": 1}, NOW) for _ in itertools.count())
        with Link(broker.url("eastgate", port=wire.port), said.append, patience=0.5) as link:
            link.send(next(events))
            wire.close()
            with pytest.raises(Undelivered, match=r"no connection to the broker .*127\.0\.0\.1"):
                link.send(next(events))
        assert any("trying again" in line for line in said)

    def test_a_full_queue_is_waited_for(self, broker):
        broker.channel.queue_delete(INTAKE)
        broker.channel.queue_declare(INTAKE, arguments={"x-max-length": 1, "x-overflow": "reject-publish"})
        broker.bind()
        events = [letter("session_resumed", "eastgate", {"session": "S", "version": n}, NOW) for n in (1, 2)]
        said, taken = [], []

        def say(line):  # it is full: somebody takes what is there
            said.append(line)
            taken.extend(broker.take())

        with Link(broker.url("eastgate"), say) as link:
            for event in events:
                link.send(event)
        taken += broker.take()
        assert [document["id"] for *_, document in taken] == [event.id for event in events]
        assert said == [
            "the broker refuses the event (basic.nack): its queue is full, or not available; trying again for 60 s"
        ]

    def test_a_broker_that_is_short_of_memory_is_given_up_after_the_patience(self, broker, servers):
        with Link(broker.url("eastgate"), lambda _: None, patience=0.5) as link:
            link.send(letter("session_resumed", "eastgate", {"session": "S", "version": 1}, NOW))
            servers.rabbitmq.ctl("set_vm_memory_high_watermark", "0")
            try:
                with pytest.raises(Undelivered, match="short of memory"):
                    link.send(letter("session_resumed", "eastgate", {"session": "S", "version": 2}, NOW))
            finally:
                servers.rabbitmq.ctl("set_vm_memory_high_watermark", "0.4")

    def test_nothing_hangs_on_a_broker_that_is_frozen(self, broker, wire, monkeypatch):
        monkeypatch.setattr("haoyuan_roster.link.HEARTBEAT", 1)
        monkeypatch.setattr("haoyuan_roster.link.CONNECT", 1)
        events = [letter("session_resumed", "eastgate", {"session": "S", "version": n}, NOW) for n in (1, 2)]
        with Link(broker.url("eastgate", port=wire.port), lambda _: None, patience=0.5) as link:
            link.send(events[0])
            wire.deaf.set()
            begun = time.monotonic()
            with pytest.raises(Undelivered, match="the broker is silent"):
                link.send(events[1])
            assert time.monotonic() - begun < 60

    def test_a_watcher_comes_back_too(self, run, broker, wire, capsys):
        result = []
        arguments = ("watch", "--until-done", "b", "--url", broker.url("eastgate", port=wire.port))
        watcher = threading.Thread(target=lambda: result.append(main(list(arguments))))
        watcher.start()
        broker.answer("a")
        until(lambda: broker.depth("roster.results.eastgate") == 0 and _consumers(broker) == 1)
        wire.cut()
        broker.answer("b")
        watcher.join(20)
        assert result == [0]


def _consumers(broker):
    return broker.channel.queue_declare("roster.results.eastgate", passive=True).method.consumer_count
