"""The HTTP chassis: access rules, idempotency, paging, problems."""

import threading
from datetime import UTC, datetime

import pytest
import sqlalchemy as sa
from common.clock import system_clock
from common.envelope import unseal
from common.errors import Conflict
from common.messages import OrderExpired, ReleaseSlot
from common.outbox import Database
from common.outbox.migrate import migrate
from common.outbox.tables import inbox, outbox
from common.service import Service
from common.settings import Settings
from common.testing import assert_problem, bearer, sent
from common.web import (
    Idents,
    Paged,
    Routes,
    Schema,
    answer,
    create_app,
    idempotent,
    money,
    page_of,
    principal,
    public,
    roles,
    service,
    sign_token,
)
from flask import request


class ThingSchema(Schema):
    name = Idents.text(5, required=True)


class ThingsQuery(Paged):
    sort_kinds = (int,)


def routes() -> Routes:
    blp = Routes("things", __name__, url_prefix="/api/v1")

    @blp.post("/things")
    @roles("patient")
    @idempotent
    @blp.arguments(ThingSchema)
    def make(body):
        """Make a thing: an inbox row stands for its effect, a message goes out with it."""
        with service().database.transaction() as tx:
            tx.first_time([body["name"]])
            if body["name"] == "clash":
                raise Conflict("there is one", code="thing_exists", since=datetime(2026, 11, 22, 16, tzinfo=UTC))
            tx.send(ReleaseSlot(body["name"], "ses", "patient"))
        return answer(
            {"name": body["name"], "by": principal().account_id}, 201, Location=f"/api/v1/things/{body['name']}"
        )

    @blp.get("/things")
    @public
    @blp.arguments(ThingsQuery, location="query")
    @blp.response(200)
    def list_things(query):
        """All numbers from the cursor on."""
        start = query["cursor"][0] + 1 if query["cursor"] else 0
        return page_of(list(range(start, 7))[: query["limit"] + 1], query["limit"], lambda n: [n], lambda n: {"n": n})

    @blp.get("/open")
    def nothing_declared():
        """A route whose author forgot to say who may call it."""
        return "never"

    @blp.get("/broken")
    @public
    def broken():
        """Raises what no handler expects."""
        raise RuntimeError(f"secret detail {request.path}")

    @blp.get("/bad-message")
    @public
    def bad_message():
        """Sends a message that its own catalogue refuses."""
        with service().database.transaction() as tx:
            tx.send(OrderExpired("", "a", "s", None))  # type: ignore[arg-type]

    return blp


@pytest.fixture
def database(tmp_path):
    database = Database(f"sqlite:///{tmp_path}/web.db", system_clock)
    migrate(database, "booking_svc")
    yield database
    database.close()


@pytest.fixture
def app(database):
    app_service = Service("user-svc", Settings(), database, {}, migrate=lambda: None, missing=list)
    app_service.web = create_app(app_service, [routes()])
    return app_service.web


@pytest.fixture
def client(app):
    return app.test_client()


def make(client, name="one", key="k", **headers):
    keyed = {"Idempotency-Key": key} if key else {}
    return client.post("/api/v1/things", json={"name": name}, headers={**bearer("acc"), **keyed, **headers})


def effects(database):
    with database.reading() as conn:
        return conn.execute(sa.select(sa.func.count()).select_from(inbox)).scalar_one()


def test_the_same_request_twice_acts_once_and_answers_the_same(client, database):
    first, second = make(client), make(client)
    assert (second.status_code, second.get_data(), second.headers["Location"]) == (
        201,
        first.get_data(),
        "/api/v1/things/one",
    )
    assert second.headers["Idempotency-Replayed"] == "true"
    assert len(sent(database, ReleaseSlot)) == 1


def test_another_body_under_the_same_key_is_refused(client):
    make(client)
    assert_problem(make(client, "two"), 422, "idempotency_key_reused")


def test_keys_belong_to_their_account(client):
    make(client)
    other = client.post("/api/v1/things", json={"name": "two"}, headers={**bearer("other"), "Idempotency-Key": "k"})
    assert (other.status_code, other.json["by"]) == (201, "other")


def test_a_refusal_is_not_stored_and_leaves_nothing_behind(client, database):
    assert_problem(make(client, "clash"), 409, "thing_exists")
    assert effects(database) == 0, "rolled back with its effect"
    assert make(client, "good").status_code == 201


def test_twenty_at_once_act_once(app, database):
    answers = []
    threads = [threading.Thread(target=lambda: answers.append(make(app.test_client()))) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {a.status_code for a in answers} == {201}
    assert len({a.get_data() for a in answers}) == 1
    assert len(sent(database, ReleaseSlot)) == 1


def test_without_a_key_each_request_acts(client, database):
    make(client, key=""), make(client, key="")
    assert len(sent(database, ReleaseSlot)) == 2


def test_a_route_that_declares_nothing_is_closed(client):
    assert_problem(client.get("/api/v1/open", headers=bearer("acc", "operator")), 403)


@pytest.mark.parametrize("header", [None, "", "Bearer", "Bearer ", "Basic abc", "Bearer a.b.c"])
def test_no_token_no_entry(client, header):
    response = client.post(
        "/api/v1/things", json={"name": "x"}, headers={"Authorization": header} if header is not None else {}
    )
    assert_problem(response, 401)
    assert response.headers["WWW-Authenticate"].startswith("Bearer")


def test_the_wrong_role_is_refused(client):
    assert_problem(
        client.post("/api/v1/things", json={"name": "x"}, headers=bearer("acc", "cashier")), 403, "wrong_role"
    )


def test_an_expired_token_is_refused_also_when_it_was_known(client):
    from common.settings import DEV_JWT_PRIVATE_KEY

    old = sign_token(DEV_JWT_PRIVATE_KEY, "acc", ["patient"], "", 60, now=1_700_000_000)
    headers = {"Authorization": f"Bearer {old}"}
    for _ in range(2):
        assert_problem(client.post("/api/v1/things", json={"name": "x"}, headers=headers), 401, "token_expired")


def test_pages_cover_everything_once(client):
    seen, cursor = [], None
    while True:
        page = client.get("/api/v1/things", query_string={"limit": 3, **({"cursor": cursor} if cursor else {})}).json
        seen += [item["n"] for item in page["items"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert seen == list(range(7))


@pytest.mark.parametrize("cursor", ["x", "e30", "WyJ0ZXh0Il0", "W10", "WzEsMl0", "bnVsbA", "%F0"])
def test_a_foreign_cursor_is_refused(client, cursor):
    assert_problem(client.get(f"/api/v1/things?cursor={cursor}"), 422, field="cursor")


@pytest.mark.parametrize(
    ("header", "kept"),
    [
        (f"00-{'1' * 32}-{'2' * 16}-01", True),
        (f"00-{'0' * 32}-{'2' * 16}-01", False),
        (f"00-{'1' * 32}-{'2' * 16}-01 and more", False),
        ("y" * 6000, False),
        ("13800138000", False),
    ],
)
def test_only_a_trace_context_goes_into_messages(client, database, header, kept):
    client.post("/api/v1/things", json={"name": "a"}, headers={**bearer("acc_1"), "traceparent": header})
    with database.reading() as conn:
        (body,) = conn.execute(sa.select(outbox.c.body)).scalars()
    trace = unseal(bytes(body)).traceparent
    assert (trace == header) is kept
    assert len(trace) == 55


def test_our_own_faults_tell_nothing_of_the_inside(client):
    for path in ("/api/v1/broken", "/api/v1/bad-message"):
        response = client.get(path)
        assert_problem(response, 500, "internal_error")
        assert b"secret" not in response.get_data()
        assert b"Traceback" not in response.get_data()


def test_a_database_that_is_away_is_503_and_says_when_to_come_back(client, database, monkeypatch):
    def away(*_args, **_kwargs):
        raise sa.exc.OperationalError("select", {}, Exception("server closed the connection"))

    monkeypatch.setattr(type(database), "_commit", away)
    response = make(client, key="")
    assert_problem(response, 503, "unavailable")
    assert response.headers["Retry-After"]


def test_times_in_problems_are_beijing_time(client):
    problem = assert_problem(make(client, "clash"), 409, "thing_exists")
    assert problem["since"] == "2026-11-23T00:00:00+08:00"


def test_money_is_whole_fen():
    assert money(5000) == {"amount": 5000, "currency": "CNY"}
