"""Orders that are not settled, for the operator."""

from datetime import datetime, timedelta
from typing import Any

from common.clock import local
from common.web import Paged, Schema, page_of, roles
from marshmallow import fields, validate

from booking_svc import store
from booking_svc.api.blueprint import blueprint, database
from booking_svc.domain import WAITS_FOR, WaitsFor
from booking_svc.store.sagas import Patience, Saga
from booking_svc.usecases import OVERDUE

PATIENCE = Patience(answer=OVERDUE, refund=timedelta(days=3))
"""The watch asks again for what is overdue; a refund to a card takes a bank up to three days."""

_UNSETTLED = sorted(WAITS_FOR)


class SagaSchema(Schema):
    """An order that is not settled, and whose turn it is."""

    order_id = fields.String(required=True)
    state = fields.String(required=True, validate=validate.OneOf(_UNSETTLED))
    since = fields.AwareDateTime(required=True, metadata={"description": "its last step"})
    placed_at = fields.AwareDateTime(required=True)
    waits_for = fields.String(required=True, validate=validate.OneOf([str(w) for w in WaitsFor]))
    until = fields.AwareDateTime(required=True, allow_none=True, metadata={"description": "when that ends, if it does"})
    stuck = fields.Boolean(
        required=True,
        metadata={"description": "an answer is overdue, or nothing will end the wait for its patient"},
    )
    hospital_id = fields.String(required=True, allow_none=True, metadata={"description": "null: not known yet"})
    session_id = fields.String(required=True)


class SagaCountSchema(Schema):
    """How many orders are in a state."""

    state = fields.String(required=True, validate=validate.OneOf(_UNSETTLED))
    waits_for = fields.String(required=True, validate=validate.OneOf([str(w) for w in WaitsFor]))
    orders = fields.Integer(required=True)
    stuck = fields.Integer(required=True, metadata={"description": "of them"})


class SagasQuery(Paged):
    """Filters of the list."""

    sort_kinds = (datetime, str)

    state = fields.String(load_default=None, validate=validate.OneOf(_UNSETTLED))
    stuck = fields.Boolean(load_default=None, truthy={"true"}, falsy={"false"})


class SagasSchema(Schema):
    """A page of orders that are not settled, and how many there are in each state, whatever the filters."""

    items = fields.List(fields.Nested(SagaSchema), required=True)
    next_cursor = fields.String(required=True, allow_none=True)
    counts = fields.List(fields.Nested(SagaCountSchema), required=True)


@blueprint.get("/sagas")
@roles("operator")
@blueprint.arguments(SagasQuery, location="query")
@blueprint.response(200, SagasSchema)
def list_sagas(query: dict[str, Any]) -> dict[str, Any]:
    """Orders that are not settled: in flight, or waiting for somebody; the oldest first, and those that are stuck."""
    now = database().clock()
    with database().reading() as conn:
        found = store.sagas.list_sagas(
            conn, now, PATIENCE, state=query["state"], stuck=query["stuck"], limit=query["limit"], after=query["cursor"]
        )
        counts = store.sagas.count_sagas(conn, now, PATIENCE)
    return {
        **page_of(found, query["limit"], lambda s: [s.placed_at, s.order_id], _show),
        "counts": [
            {"state": state, "waits_for": WAITS_FOR[state], "orders": orders, "stuck": stuck}
            for state, orders, stuck in counts
        ],
    }


def _show(saga: Saga) -> dict[str, Any]:
    return {
        "order_id": saga.order_id,
        "state": saga.state,
        "since": local(saga.since),
        "placed_at": local(saga.placed_at),
        "waits_for": WAITS_FOR[saga.state],
        "until": local(saga.until),
        "stuck": saga.stuck,
        "hospital_id": saga.hospital_id,
        "session_id": saga.session_id,
    }
