"""The look at every answer (stack/documented.py) sees what is otherwise than docs/openapi says."""

import gzip
import json
from typing import Any

import pytest
from common.web import money
from flask import Flask, Response

from stack import documented

BALANCE = {"account": "clearing:window", "balance": money(-5000)}
LEDGER: dict[str, Any] = {"balances": [BALANCE], "items": [], "next_cursor": None}


def seen(body: Any, encoding: str = "") -> list[str]:
    """What was wrong about this answer to GET /ledger."""
    app = Flask("payment-svc")

    @app.get("/api/v1/ledger")
    def ledger() -> Response:
        data = json.dumps(body).encode()
        made = Response(gzip.compress(data) if encoding else data, content_type="application/json")
        made.content_encoding = encoding or None
        return made

    app.test_client().get("/api/v1/ledger")
    found = documented.wrong.copy()
    documented.wrong.clear()
    return found


def test_an_answer_as_documented_is_right():
    assert seen(LEDGER) == seen(LEDGER, "gzip") == []


@pytest.mark.parametrize(
    "body",
    [
        {"balances": [], "items": []},
        {**LEDGER, "next_cursor": 3},
        {**LEDGER, "items": None},
        {**LEDGER, "more": True},
        {**LEDGER, "balances": [{**BALANCE, "balance": {"amount": 1}}]},
        {**LEDGER, "balances": [{**BALANCE, "balance": {"amount": 1, "currency": "USD"}}]},
    ],
    ids=["missing", "of another type", "null", "unnamed", "missing within", "not of the enum"],
)
def test_an_answer_that_is_otherwise_is_found(body: Any):
    (wrong,) = seen(body)
    assert wrong.startswith("GET /api/v1/ledger 200 at")
    assert seen(body, "gzip") == [wrong]


def test_a_time_without_a_zone_and_a_null_that_may_not_be_are_found():
    paid: dict[str, Any] = {
        "id": "x",
        "kind": "capture",
        "order_id": "o",
        "created_at": "2026-11-23T08:00:00",
        "lines": [],
    }
    assert len(seen({**LEDGER, "items": [paid]})) == 1
    assert len(seen({**LEDGER, "items": [{**paid, "created_at": None}]})) == 1
    assert seen({**LEDGER, "items": [{**paid, "created_at": "2026-11-23T08:00:00+08:00"}]}) == []
