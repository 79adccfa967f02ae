"""Parked messages by HTTP, on both databases: shown masked, replayed once, dropped with a reason, and every act on record."""

import threading
from collections.abc import Iterator, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from common.clock import ManualClock
from common.envelope import Received, seal
from common.foreign import Foreign, Intake, foreign
from common.messages import OrderPlaced
from common.metrics import PARKED_ACTS
from common.outbox import Database, Parked, tables
from common.outbox.migrate import migrate
from common.service import Service
from common.settings import Settings
from common.testing import assert_bad_input_is_refused, assert_problem, bearer
from common.web import create_app
from common.web.parked import SHOWN, ident_of, masked
from delivery_rig import NOW, effects, placed, record
from sqlalchemy.exc import OperationalError
from structlog.testing import capture_logs

BASE = "/api/v1/parked/user-svc"
OPERATOR = bearer("acc_operator", "operator")


class Desk:
    """A service whose handler fails until it is mended."""

    def __init__(self, url: str) -> None:
        self.clock = ManualClock(NOW)
        self.store = Database(url, self.clock)
        migrate(self.store, "user_svc")
        with self.store.transaction() as tx:
            effects.metadata.drop_all(tx.conn)
            effects.metadata.create_all(tx.conn)
            for table in (tables.parked, tables.idempotency):  # of the test before, where they share a server
                tx.conn.execute(sa.delete(table))
        self.trouble: Exception | None = ValueError("a bug: 13800138000")
        intakes = [Intake("rosters", "user-svc.rosters", self.take)]
        self.service = Service(
            "user-svc", Settings(), self.store, {OrderPlaced: self.handle}, lambda: None, list, intakes=intakes
        )
        self.service.web = create_app(self.service, [])
        self.client = self.service.web.test_client()

    def handle(self, tx: Any, run: Sequence[Received]) -> None:
        record(tx, run)
        if self.trouble is not None:
            raise self.trouble

    def take(self, tx: Any, messages: Sequence[Foreign]) -> None:
        if self.trouble is not None:
            raise self.trouble
        tx.conn.execute(sa.insert(effects), [{"message_id": m.id, "subject": "out", "number": "1"} for m in messages])

    def park(self, number: object = 1) -> str:
        """Let the handler fail on a message; answers its id."""
        sealed = seal(placed("ord_1", number), self.clock())
        self.service.processor.process([sealed.body])
        self.clock.advance(timedelta(seconds=1))
        return sealed.id

    @property
    def effects(self) -> list[str]:
        with self.store.reading() as conn:
            return list(conn.scalars(sa.select(effects.c.number).order_by(effects.c.id)))

    @property
    def ids(self) -> list[str]:
        return [p.message_id for p in self.store.parked()]

    def get(self, path: str = "") -> Any:
        return self.client.get(BASE + path, headers=OPERATOR)

    def act(self, message_id: str, act: str = "replay", key: str = "", who: str = "acc_operator", **body: Any) -> Any:
        headers = bearer(who, "operator") | ({"Idempotency-Key": key} if key else {})
        return self.client.post(f"{BASE}/{ident_of(message_id)}/{act}", headers=headers, json=body)


@pytest.fixture(params=["sqlite", "postgres"])
def desk(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Desk]:
    sqlite = request.param == "sqlite"
    made = Desk(f"sqlite:///{tmp_path}/d.db" if sqlite else request.getfixturevalue("postgres_url"))
    yield made
    made.store.close()


def counted(act: str) -> float:
    return float(PARKED_ACTS.labels("user-svc", act)._value.get())


# --- looking ---------------------------------------------------------------------------------------------------------


def test_they_are_listed_oldest_first_page_by_page(desk: Desk) -> None:
    wanted = [desk.park(n) for n in range(5)]
    seen, cursor = [], ""
    while cursor is not None:
        page = desk.get(f"?limit=2{cursor and f'&cursor={cursor}'}").get_json()
        assert len(page["items"]) <= 2
        seen += [item["message_id"] for item in page["items"]]
        cursor = page["next_cursor"]
    assert seen == wanted
    assert_problem(desk.get("?cursor=nonsense"), 422, field="cursor")


def test_those_of_one_moment_are_each_on_one_page(desk: Desk) -> None:
    names = [f"m{n}" for n in (3, 1, 4, 0, 2)]
    desk.store.park([Parked(name, "t", b"{}", "r", NOW) for name in names])
    first = desk.get("?limit=3").get_json()
    rest = desk.get(f"?limit=3&cursor={first['next_cursor']}").get_json()
    assert [i["id"] for i in [*first["items"], *rest["items"]]] == sorted(names)
    assert rest["next_cursor"] is None


def test_the_list_tells_what_can_be_read(desk: Desk) -> None:
    message_id = desk.park()
    desk.service.processor.process([b"\xff\xfe{"])
    known, unreadable = desk.get().get_json()["items"]
    assert known | {"bytes": 0, "parked_at": ""} == {
        "id": message_id,
        "message_id": message_id,
        "type": "booking.order_placed.v2",
        "subject": "ord_1",
        "order_id": "ord_1",
        "reason": "ValueError: a bug: 138****8000",
        "parked_at": "",
        "bytes": 0,
        "from_outside": False,
    }
    assert known["bytes"] == len(desk.store.parked()[0].body)
    assert known["parked_at"] == "2026-11-22T16:00:00+08:00"
    assert [unreadable[name] for name in ("type", "subject", "order_id")] == [None] * 3
    assert desk.get(f"/{unreadable['id']}").get_json()["body"] == "(3 bytes that are no JSON, from byte 0 on)"


@pytest.mark.parametrize(
    "body", [b'{"subject": 3, "data": []}', b"[]", b"null", b'{"data": {"order_id": {}}}', b"[" * 3000]
)
def test_what_looks_like_a_message_and_is_none_is_shown_too(desk: Desk, body: bytes) -> None:
    desk.store.park([Parked("m", "t", body, "r", NOW)])
    (item,) = desk.get().get_json()["items"]
    assert (item["subject"], item["order_id"]) == (None, None)
    assert desk.get("/m").status_code == 200


def test_a_body_is_shown_without_what_is_personal() -> None:
    shown = masked(
        '{"name": "张三丰", "phones": ["13800138000"], "n": 1, "deep": {"note": "问 a.b@example.com", "password": ["geheim"]},'
        ' "id_number": null, "email": {"x": "y"}}'.encode()
    )
    assert shown == (
        '{"name":"***","phones":["138****8000"],"n":1,"deep":{"note":"问 a***@example.com","password":"***"},'
        '"id_number":null,"email":"***"}'
    )


@pytest.mark.parametrize(
    ("body", "shown"),
    [
        ('{"data": [{"name": {"full": "张三丰", "of": ["张"]}}]}', '{"data":[{"name":"***"}]}'),
        ('{"name": {"张三丰": 1}}', '{"name":"***"}'),
        ('{"patientName": "张", "Name": "张", "PATIENT_NAME": "张", "id-card": "x", "ID Card": 1}',
         '{"patientName":"***","Name":"***","PATIENT_NAME":"***","id-card":"***","ID Card":"***"}'),
        ('{"n": 13800138000, "f": 13800138000.0, "list": [110101199003071234]}',
         '{"n":"138****8000","f":"138****8000.0","list":["1101**********1234"]}'),
        ('{"tel": 13800138000, "device": false, "phone": ""}', '{"tel":"***","device":"***","phone":"***"}'),
        ('{"13800138000": {"a.b@example.com": 1}}', '{"138****8000":{"a***@example.com":1}}'),
        ('{"fee": 5000, "ok": true, "none": null, "share": 0.25}', '{"fee":5000,"ok":true,"none":null,"share":0.25}'),
    ],
)  # fmt: skip
def test_however_it_is_written(body: str, shown: str) -> None:
    assert masked(body.encode()) == shown


@pytest.mark.parametrize(
    ("body", "place"),
    [
        ('{"data":{"patient_name":"张三丰"'.encode(), ": cut off"), ('{"patient_name":"张'.encode()[:-1], ", from byte 17 on"),
        ('\ufeff{"patient_name":"张三丰"}'.encode(), ", from byte 0 on"), ("张三丰".encode(), ", from byte 0 on"),
        ('{"patient_name":"张三丰"}'.encode("gb18030"), ", from byte 17 on"),
        ('{"patient_name":"张三丰"} {}'.encode(), ", from byte 30 on"), (b'{"zhang":' + b"[" * 5000, ""), (b"", ": cut off"),
    ],
)  # fmt: skip
def test_of_what_is_no_json_only_its_size_and_the_place_of_the_fault_are_shown(body: bytes, place: str) -> None:
    assert masked(body) == f"({len(body)} bytes that are no JSON{place})"


def test_a_long_body_is_cut_and_says_so(desk: Desk) -> None:
    desk.store.park(
        [Parked(name, "t", b'"%s"' % (b"x" * (SHOWN - more)), "r", NOW) for name, more in (("m", 1), ("n", 2))]
    )
    one = desk.get("/m").get_json()
    assert (len(one["body"]), one["truncated"]) == (SHOWN, True)
    assert desk.get("/n").get_json()["truncated"] is False


def test_a_page_does_not_read_rosters_of_megabytes(desk: Desk) -> None:
    long = b'{"subject": "s", "x": "' + b"x" * 300_000 + b'"}'
    desk.store.park([Parked("long", "t", long, "r", NOW), Parked("short", "t", b'{"subject": "s"}', "r", NOW)])
    items = desk.get().get_json()["items"]
    assert [(i["id"], i["bytes"], i["subject"]) for i in items] == [("long", len(long), None), ("short", 16, "s")]
    read = desk.store.parked(largest=16)
    assert [(p.body, p.size) for p in read] == [(b"", len(long)), (b'{"subject": "s"}', 16)]
    assert next(p.body for p in desk.store.parked()) == long
    assert desk.get("/long").get_json()["truncated"] is True


@pytest.mark.parametrize("name", ["a/b", "..", "a//b?c#d", "~x", "号", "x" * 200, "https://his.example/1"])
def test_whatever_a_sender_outside_calls_it(desk: Desk, name: str) -> None:
    desk.store.park([Parked(name, "t", b"{}", "r", NOW)])
    ident = desk.get().get_json()["items"][0]["id"]
    assert desk.get(f"/{ident}").get_json()["message_id"] == name
    assert desk.act(name, "drop", why="a test").status_code == 200
    assert desk.ids == []


def test_what_is_not_there_is_not_found(desk: Desk) -> None:
    for ident in ("x", "~", "~!!", "~_w", "x" * 300):
        assert_problem(desk.get(f"/{ident}"), 404, "message_not_found")
    for act in ("replay", "drop"):
        assert_problem(desk.act("x", act, why="y"), 404, "message_not_found")


# --- replaying -------------------------------------------------------------------------------------------------------


def test_a_replay_takes_effect_and_is_on_record(desk: Desk) -> None:
    message_id, before = desk.park(7), counted("replayed")
    desk.trouble = None
    with capture_logs() as logs:
        answer = desk.act(message_id)
    assert answer.get_json() == {"id": message_id, "message_id": message_id, "outcome": "replayed"}
    assert (desk.effects, desk.ids) == (["7"], [])
    (said,) = [line for line in logs if line["event"] == "parked_message"]
    assert (said["act"], said["by"], said["message_id"]) == ("replayed", "acc_operator", message_id)
    assert counted("replayed") == before + 1
    assert_problem(desk.act(message_id), 404, "message_not_found")


def test_a_double_click_gets_the_same_answer(desk: Desk) -> None:
    message_id, before = desk.park(), counted("replayed")
    desk.trouble = None
    first, again = (desk.act(message_id, key="k") for _ in range(2))
    assert (first.status_code, again.status_code) == (200, 200)
    assert again.get_data() == first.get_data()
    assert again.headers["Idempotency-Replayed"] == "true"
    assert (desk.effects, counted("replayed")) == (["1"], before + 1)
    assert_problem(desk.act("another", key="k"), 422, "idempotency_key_reused")


@pytest.mark.parametrize("key", ["", "k"])
def test_what_still_fails_stays_and_says_why(desk: Desk, key: str) -> None:
    message_id, before = desk.park(), counted("still_fails")
    with capture_logs() as logs:
        problem = assert_problem(desk.act(message_id, key=key), 409, "still_fails")
    assert problem["reason"] == "ValueError: a bug: 138****8000"
    assert (desk.effects, desk.ids) == ([], [message_id])
    assert [line["act"] for line in logs if line["event"] == "parked_message"] == ["still_fails"]
    assert counted("still_fails") == before + 1
    desk.trouble = None
    assert desk.act(message_id, key=key).status_code == 200, "a refusal is not kept under the key"
    assert desk.effects == ["1"]


def test_a_database_that_is_away_is_no_reason_of_the_message(desk: Desk) -> None:
    message_id = desk.park()
    desk.trouble = OperationalError("SELECT", None, Exception("away"))
    assert_problem(desk.act(message_id), 503, "unavailable")
    assert desk.ids == [message_id]


@pytest.mark.parametrize("keys", ["none", "own", "same"])
def test_operators_who_replay_it_at_once_change_things_once(desk: Desk, keys: str) -> None:
    """The same one who clicks often, with one key, gets one answer."""
    message_id, statuses, same = desk.park(), [], keys == "same"
    desk.trouble = None
    start = threading.Barrier(6)

    def click(n: int) -> None:
        start.wait()
        key = {"none": "", "own": f"k{n}", "same": "k"}[keys]
        statuses.append(desk.act(message_id, key=key, who="acc" if same else f"acc_{n % 3}").status_code)

    threads = [threading.Thread(target=click, args=(n,)) for n in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert desk.effects == ["1"]
    assert desk.ids == []
    assert 200 in statuses
    assert set(statuses) <= ({200} if same else {200, 404})


def test_the_effect_the_parking_and_the_answer_are_one_commit(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    message_id, before = desk.park(), counted("replayed")
    desk.trouble = None

    def die(*_: Any) -> None:
        raise RuntimeError("power cut")

    with monkeypatch.context() as cut:
        cut.setattr(desk.store, "keep_answer", die)
        assert desk.act(message_id, key="k").status_code == 500
    assert (desk.effects, desk.ids, counted("replayed")) == ([], [message_id], before)
    assert desk.act(message_id, key="k").status_code == 200
    assert desk.effects == ["1"]


def test_what_came_from_outside_is_replayed_as_what_it_was(desk: Desk) -> None:
    desk.service.processor.take("user-svc.rosters", [foreign(b"{}", "roster.hos_1", "hos_1")])
    (item,) = desk.get().get_json()["items"]
    assert item["from_outside"] is True
    desk.trouble = None
    assert desk.client.post(f"{BASE}/{item['id']}/replay", headers=OPERATOR).status_code == 200
    assert (desk.effects, desk.ids) == (["1"], [])


# --- dropping --------------------------------------------------------------------------------------------------------


def test_what_is_dropped_is_gone_and_the_log_says_why(desk: Desk) -> None:
    message_id, kept, before = desk.park(), desk.park(), counted("dropped")
    with capture_logs() as logs:
        first, again = (desk.act(message_id, "drop", "k", why="  of a test patient ") for _ in range(2))
    assert first.get_json()["outcome"] == "dropped"
    assert again.get_data() == first.get_data()
    (said,) = [line for line in logs if line["event"] == "parked_message"]
    assert (said["act"], said["by"], said["why"]) == ("dropped", "acc_operator", "of a test patient")
    assert counted("dropped") == before + 1
    desk.trouble = None
    assert desk.ids == [kept]
    assert_problem(desk.act(message_id), 404, "message_not_found")
    assert desk.effects == []


def test_a_drop_needs_a_reason(desk: Desk) -> None:
    message_id = desk.park()
    assert_bad_input_is_refused(desk.client, f"{BASE}/{message_id}/drop", {"why": "x"}, OPERATOR, skip=["why"])
    desk.park()
    for why in ("", " ", "...", "x" * 501, "a\nb"):
        assert_problem(desk.act(desk.ids[-1], "drop", why=why), 422, field="why")
