"""The invariants while the system works: what comes and goes is settling, what stays is broken, what is silent is unknown."""

import copy
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from common.platform import SERVICES
from common.settings import BadSettings, Settings
from common.testing import assert_problem, bearer
from test_audit import GOOD, stuck

from audit import app as audit
from audit.invariants import RULES
from audit.live import LONGEST_SHARED, LOOKS, SETTLES_IN, SHARED, Live, Picture
from audit.sources import fetch
from audit.words import SAYS

START = datetime(2026, 11, 22, 8, 0, tzinfo=UTC)


class World:
    """Figures that a test changes, and a clock that it moves on."""

    def __init__(self) -> None:
        self.figures = copy.deepcopy(GOOD)
        self.silent: set[str] = set()
        self.asked: list[tuple[str, str]] = []
        self.seconds = 0.0
        self.slow = 0.0
        self.live = Live(self.fetch, lambda: GOOD["payment-svc"]["books"], clock=lambda: self.seconds, now=self.now)

    def now(self) -> datetime:
        return START + timedelta(seconds=self.seconds)

    def fetch(self, service: str, token: str) -> Any:
        self.asked.append((service, token))
        if service == SERVICES[0]:
            self.seconds += self.slow
        if service in self.silent:
            raise OSError("refused")
        return copy.deepcopy(self.figures[service])

    def look(self, after: float = SHARED) -> Picture:
        self.seconds += after
        return self.live.look("token")

    def state(self, code: str, after: float = SHARED) -> str:
        return next(v.state for v in self.look(after).verdicts if v.code == code)


@pytest.fixture
def world() -> World:
    return World()


def test_every_rule_has_its_words() -> None:
    assert list(SAYS) == [rule.__name__ for rule in RULES]
    for zh, en in SAYS.values():
        assert zh.endswith("。")
        assert en.endswith(".")


def test_a_good_picture_holds(world: World) -> None:
    picture = world.look()
    assert [v.code for v in picture.verdicts] == list(SAYS)
    assert ({v.state for v in picture.verdicts}, picture.state, picture.silent) == ({"held"}, "held", {})
    assert sorted(world.asked) == sorted((service, "token") for service in SERVICES)


def test_what_stays_is_broken_after_some_looks_and_seconds(world: World) -> None:
    world.look()
    world.figures["booking-svc"]["stuck"] = [stuck("o2", "closing")]
    began = world.seconds + SHARED
    states = [world.state("no_order_is_stuck") for _ in range(6)]
    assert states[0] == "settling"
    assert states[-1] == "broken"
    assert states == sorted(states, key=["settling", "broken"].index)
    assert states.index("broken") * SHARED >= SETTLES_IN
    (finding,) = next(v.findings for v in world.live.look("token").verdicts if v.code == "no_order_is_stuck")
    assert (finding.about, finding.since) == ("o2", START + timedelta(seconds=began))
    assert world.live.look("token").state == "broken"
    world.figures["booking-svc"]["stuck"] = []
    assert world.state("no_order_is_stuck") == "held"


def test_two_looks_far_apart_are_not_enough(world: World) -> None:
    world.figures["booking-svc"]["stuck"] = [stuck("o2", "closing")]
    states = [world.state("no_order_is_stuck", after=10 * SETTLES_IN) for _ in range(LOOKS)]
    assert states == ["settling"] * (LOOKS - 1) + ["broken"]


def test_work_that_comes_and_goes_is_never_broken(world: World) -> None:
    for n in range(20):
        world.figures["booking-svc"]["stuck"] = [stuck(f"o{n}", "reserving")]
        world.figures["booking-svc"]["chassis"] |= {"outbox": 3, "outbox_since": f"{n}"}
        assert world.state("no_order_is_stuck") == "settling"
        assert {v.state for v in world.live.look("token").verdicts} == {"settling", "held"}


def test_what_went_and_came_again_begins_anew(world: World) -> None:
    for present in (True, True, True, False, True, True, True, True):
        world.figures["booking-svc"]["stuck"] = [stuck("o2", "closing")] if present else []
        assert world.state("no_order_is_stuck") != "broken"


def test_a_message_that_does_not_leave_the_outbox_is_broken_however_many_come_after_it(world: World) -> None:
    for n in range(1, 7):
        world.figures["booking-svc"]["chassis"] |= {"outbox": n, "outbox_since": "08:00"}
        state = world.state("work_is_done")
    assert state == "broken"


@pytest.mark.parametrize("service", SERVICES)
def test_a_silent_service_is_unknown_and_never_held(world: World, service: str) -> None:
    world.silent = {service}
    picture = world.look()
    assert picture.silent == {service: "refused"}
    unknown = {v.code for v in picture.verdicts if v.state == "unknown"}
    assert "work_is_done" in unknown
    assert picture.state == "unknown"
    for verdict in picture.verdicts:
        assert (verdict.state == "held") == (not verdict.unknown), verdict
        assert not verdict.unknown or service in verdict.unknown or verdict.code == "providers_agree"
    world.silent = set()
    assert world.look().state == "held"


def test_what_is_known_to_be_broken_stays_so_while_another_is_silent(world: World) -> None:
    world.figures["user-svc"]["chassis"]["parked"] = [{"message_id": "m", "reason": "bad"}]
    for _ in range(6):
        assert world.state("work_is_done") in {"settling", "broken"}
    world.silent = {"booking-svc"}
    assert world.state("work_is_done") == "broken"
    world.silent = {"user-svc"}
    assert world.state("work_is_done") == "unknown", "it may have been mended"
    world.silent = set()
    assert world.state("work_is_done") == "broken", "it was not, and that is not news"


def test_figures_of_another_release_are_unknown(world: World) -> None:
    del world.figures["booking-svc"]["stuck"]
    verdict = next(v for v in world.look().verdicts if v.code == "no_order_is_stuck")
    assert (verdict.state, verdict.unknown) == ("unknown", "the figures do not fit: KeyError 'stuck'")


def test_figures_of_another_shape_are_unknown(world: World) -> None:
    world.figures["payment-svc"]["watchdog"] = []
    assert world.state("money_is_watched") == "unknown"


def test_books_that_nobody_compared_are_not_said_to_agree(world: World) -> None:
    for service in world.figures.values():
        service.pop("books", None)
    world.live = Live(world.fetch, None, clock=lambda: world.seconds, now=world.now)
    picture = world.look()
    verdict = next(v for v in picture.verdicts if v.code == "providers_agree")
    assert (verdict.state, picture.state) == ("unknown", "held"), "which is nobody's fault"


def test_a_sandbox_that_is_away_is_told(world: World) -> None:
    def away() -> Any:
        raise OSError("refused")

    del world.figures["payment-svc"]["books"]
    world.live = Live(world.fetch, away, clock=lambda: world.seconds, now=world.now)
    picture = world.look()
    assert (picture.silent, picture.state) == ({"payment-sandbox": "refused"}, "unknown")


# --- one look for all ------------------------------------------------------------------------------------------------


def test_a_look_is_shared_for_some_seconds(world: World) -> None:
    first = world.look()
    assert world.look(after=SHARED / 2) is first
    assert world.look(after=SHARED) is not first
    assert len(world.asked) == 2 * len(SERVICES)


def test_a_look_that_takes_long_is_shared_for_longer(world: World) -> None:
    world.slow = 2.0
    first = world.look()
    assert world.look(after=19.0) is first
    assert world.look(after=2.0) is not first


def test_but_not_for_long(world: World) -> None:
    world.slow = 60.0
    first = world.look()
    assert world.look(after=LONGEST_SHARED - 1) is first
    assert world.look(after=2.0) is not first


def test_callers_at_once_share_one_look() -> None:
    together, answers, asked = threading.Barrier(8), [], []

    def slow(service: str, _token: str) -> Any:
        asked.append(service)
        waiting.wait(10)
        return copy.deepcopy(GOOD[service])

    waiting = threading.Event()
    live = Live(slow)

    def ask() -> None:
        together.wait()
        answers.append(live.look("token"))

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    while len(asked) < len(SERVICES):
        threading.Event().wait(0.01)
    waiting.set()
    for thread in threads:
        thread.join()
    assert len({id(answer) for answer in answers}) == 1
    assert sorted(asked) == sorted(SERVICES)


def test_who_asks_while_somebody_looks_gets_the_last_picture(world: World) -> None:
    first, seen = world.look(), []

    def meanwhile(service: str, token: str) -> Any:
        if not seen:
            seen.append(None)
            thread = threading.Thread(target=lambda: seen.append(world.live.look("other")))
            thread.start()
            thread.join(10)
        return World.fetch(world, service, token)

    world.live._fetch = meanwhile
    assert world.look() is not first
    assert seen == [None, first]


def test_but_nobody_gets_a_picture_of_hours_ago(world: World) -> None:
    first, seen = world.look(), []

    def meanwhile(service: str, token: str) -> Any:
        if not seen:
            seen.append(None)
            late.start()
            late.join(0.2)
        return World.fetch(world, service, token)

    late = threading.Thread(target=lambda: seen.append(world.live.look("other")))
    world.live._fetch = meanwhile
    second = world.look(after=8 * 3600)
    late.join(10)
    assert seen == [None, second]
    assert second is not first


def test_a_token_that_is_no_longer_good_spoils_nobody_elses_picture(world: World) -> None:
    def refuse(service: str, token: str) -> Any:
        if token == "old":
            raise PermissionError("answers 401")
        return World.fetch(world, service, token)

    world.live._fetch = refuse
    assert world.live.look("old").state == "unknown"
    assert world.live.look("good").state == "held"


# --- the services ----------------------------------------------------------------------------------------------------

Answer = Callable[[str, str], tuple[int, Any]]


@contextmanager
def platform(answer: Answer) -> Iterator[str]:
    """A server in the gateway's place. answer(path, authorization) -> status, body."""

    class Gateway(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, body = answer(self.path, self.headers["Authorization"])
            text = body if isinstance(body, bytes) else json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(text)))
            if status == 302:
                self.send_header("Location", "/api/v1/elsewhere")
            self.end_headers()
            self.wfile.write(text)

        def log_message(self, *_: Any) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Gateway)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()


def test_figures_are_asked_for_with_the_callers_token() -> None:
    with platform(lambda path, token: (200, {"asked": [path, token]})) as url:
        assert fetch(url, "user-svc", "abc") == {"asked": ["/api/v1/audit/user-svc", "Bearer abc"]}
    with pytest.raises(OSError, match="refused"):
        fetch(url, "user-svc", "abc")


@pytest.mark.parametrize(
    ("status", "body"), [(403, {}), (503, {}), (200, b"<html>"), (200, b"\xff"), (302, {}), (200, []), (200, None)]
)
def test_other_answers_are_none(status: int, body: Any) -> None:
    heard = []
    with platform(lambda path, _token: (heard.append(path), (status, body))[1]) as url:
        with pytest.raises((OSError, ValueError)):
            fetch(url, "user-svc", "abc")
        assert heard == ["/api/v1/audit/user-svc"], "the token goes nowhere else"


# --- the application -------------------------------------------------------------------------------------------------


def asked(url: str, books: str = "", **headers: str) -> Any:
    client = audit.build(audit.Settings(platform_url=url, books_url=books)).app.test_client()
    return client.get("/api/v1/invariants", headers=headers)


def test_operators_see_all_of_it() -> None:
    figures = copy.deepcopy(GOOD)
    figures["notify-svc"]["chassis"]["parked"] = [{"message_id": "m", "reason": "打给 13800138000"}]
    token = bearer("acc", "operator")
    with platform(lambda path, _: (200, json.loads(json.dumps(figures[path.rpartition("/")[2]])))) as url:
        body = asked(url, **token).get_json()
    assert (body["state"], body["silent"]) == ("settling", [])
    first = body["items"][0]
    assert (first["code"], first["state"], first["found"]) == ("work_is_done", "settling", 1)
    assert first["says"] == {"zh-CN": SAYS["work_is_done"][0], "en": SAYS["work_is_done"][1]}
    assert first["findings"][0]["about"] == "notify-svc"
    assert first["findings"][0]["what"] == "message m is parked: 打给 138****8000"
    assert datetime.fromisoformat(first["findings"][0]["since"]) == datetime.fromisoformat(body["looked_at"])
    assert {item["state"] for item in body["items"][1:]} == {"held"}


def test_many_findings_are_counted_and_some_are_shown() -> None:
    figures = copy.deepcopy(GOOD)
    figures["booking-svc"]["stuck"] = [stuck(f"o{n}", "closing") for n in range(500)]
    with platform(lambda path, _: (200, figures[path.rpartition("/")[2]])) as url:
        body = asked(url, **bearer("acc", "operator")).get_json()
    item = next(item for item in body["items"] if item["code"] == "no_order_is_stuck")
    assert (len(item["findings"]), item["found"]) == (audit.SHOWN, 500)


def test_nobody_else_does() -> None:
    assert_problem(asked("http://127.0.0.1:9"), 401, "unauthenticated")
    assert_problem(asked("http://127.0.0.1:9", **bearer("acc", "registrar")), 403, "wrong_role")


def test_silence_is_an_answer_too() -> None:
    body = asked("http://127.0.0.1:9", **bearer("acc", "operator")).get_json()
    assert body["state"] == "unknown"
    assert [silent["service"] for silent in body["silent"]] == [*SERVICES]


def test_it_answers_probes_and_has_no_figures_of_its_own() -> None:
    client = audit.build(audit.Settings()).app.test_client()
    assert [client.get(path).status_code for path in ("/healthz", "/readyz", "/metrics")] == [200] * 3
    operator = bearer("acc", "operator")
    for path in ("/api/v1/audit/audit", "/api/v1/parked/audit"):
        assert_problem(client.get(path, headers=operator), 404)


def test_it_needs_no_secret_in_production() -> None:
    with pytest.raises(BadSettings) as refused:
        audit.Settings.load({"APP_ENV": "production"})
    assert "ID_KEY" not in str(refused.value)
    audit.Settings.load({"APP_ENV": "production", "JWT_PUBLIC_KEY": "A" * 43 + "="})
    with pytest.raises(BadSettings, match="ID_KEY"):
        Settings.load({"APP_ENV": "production", "JWT_PUBLIC_KEY": "A" * 43 + "="})
    for variable in ("PLATFORM_URL", "BOOKS_URL"):
        with pytest.raises(BadSettings, match=variable):
            audit.build(audit.Settings.load({variable: "file:///etc/passwd"}))
