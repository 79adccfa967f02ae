"""What tests of services share: a caller with a token, messages fed in, messages read out."""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from common.envelope import Received, seal, unseal
from common.foreign import Foreign
from common.messages import Message
from common.outbox import Database, OutboxRow
from common.outbox.tables import outbox, row_of
from common.service import Service
from common.settings import DEV_JWT_PRIVATE_KEY
from common.web.access import sign_token

HOSTILE_TEXTS = (
    "\x00",
    "a\ud800b",
    "x" * 100_000,
    "'; DROP TABLE orders; --",
    "<script>alert(1)</script>",
    "../../etc/passwd",
    "",
)
"""Texts that must never cause more than a 4xx."""
HOSTILE_VALUES: tuple[Any, ...] = (None, True, -1, 1e308, 2**70, [], {}, [[[]]], {"a": {"b": 1}}, *HOSTILE_TEXTS)


def bearer(
    account_id: str, *roles: str, hospital_id: str = "", doctor_id: str = "", key: str = DEV_JWT_PRIVATE_KEY
) -> dict[str, str]:
    """Headers of a caller, with a genuine token of the development key, or of another."""
    token = sign_token(key, account_id, list(roles or ("patient",)), hospital_id, 3600, doctor_id=doctor_id)
    return {"Authorization": f"Bearer {token}"}


def deliver(service: Service, *messages: Message) -> None:
    """Let the service handle messages, as one batch, as if the broker had brought them."""
    service.processor.process([seal(m, service.store.clock()).body for m in messages])


def deliver_foreign(service: Service, *messages: Foreign, exchange: str = "") -> None:
    """Let the service's intake handle messages from outside, as one batch, as if the broker had brought them.

    `common.foreign.foreign(body, routing_key, user_id)` makes one. exchange: which intake, if there are several.
    """
    (intake,) = [i for i in service.intakes if exchange in ("", i.exchange)]
    service.processor.take(intake.queue, messages)


def sent(database: Database, kind: type | None = None) -> list[Any]:
    """Our own messages in the outbox, oldest first; of one class, if given."""
    messages = [unseal(row.body).message for row in _outbox(database) if not row.exchange]
    return [m for m in messages if kind is None or isinstance(m, kind)]


def sent_out(service: Service, exchange: str = "") -> list[OutboxRow]:
    """What stands in the outbox for others (`tx.send_out`), oldest first; `type` is its routing key."""
    return [row for row in _outbox(service.database) if row.exchange and exchange in ("", row.exchange)]


def _outbox(database: Database) -> list[OutboxRow]:
    with database.reading() as conn:
        return [row_of(r) for r in conn.execute(sa.select(outbox).order_by(outbox.c.id))]


def take_sent(database: Database) -> list[Message]:
    """As `sent`, and empty the outbox."""
    messages = sent(database)
    with database.transaction() as tx:
        tx.conn.execute(sa.delete(outbox))
    return messages


def received(message: Message, service: Service) -> Received:
    """A message as a handler gets it."""
    return unseal(seal(message, service.store.clock()).body)


def assert_problem(
    response: TestResponse, status: int, code: str | None = None, field: str | None = None
) -> dict[str, Any]:
    """The answer is problem+json with this status and code, and names this field. Answers the problem."""
    document: dict[str, Any] = response.get_json(force=True)
    assert response.status_code == status, document  # noqa: S101  this is a test's assertion
    assert response.content_type == "application/problem+json"  # noqa: S101
    assert code is None or document["code"] == code, document  # noqa: S101
    assert field is None or field in [e["field"] for e in document["errors"]], document  # noqa: S101
    return document


def assert_bad_input_is_refused(
    client: FlaskClient, path: str, good: dict[str, Any], headers: dict[str, str], skip: Sequence[str] = ()
) -> None:
    """POST variations of a good body, each with one field missing, wrong or hostile: 4xx problem+json, never 5xx.

    A field in `skip` is free text or optional, where a hostile value may be a legal one: then anything but 5xx will do.
    """
    for name in good:
        for value in HOSTILE_VALUES:
            response = client.post(path, json={**good, name: value}, headers=headers)
            assert response.status_code < 500, (name, value, response.get_data())  # noqa: S101
            if name not in skip:
                assert response.status_code >= 400, (name, value)  # noqa: S101
                assert response.content_type == "application/problem+json"  # noqa: S101
        if name not in skip:
            without = {k: v for k, v in good.items() if k != name}
            assert_problem(client.post(path, json=without, headers=headers), 422, field=name)
    for body in (b"", b"{", b"[]", b"null", b'"x"', b"\xff\xfe", b"[" * 5000):
        response = client.post(path, data=body, headers={**headers, "Content-Type": "application/json"})
        assert 400 <= response.status_code < 500, body  # noqa: S101
