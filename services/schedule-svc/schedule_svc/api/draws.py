"""Draws for everybody to check, receipts for those who took part, and the chance before it is decided."""

import gzip
from typing import Any

from common import ids
from common.clock import local
from common.errors import NotFound
from common.web import Idents, Routes, Schema, answer, principal, public, roles, service, signed_in
from flask import Response, request
from marshmallow import ValidationError, fields, validate, validates_schema

from schedule_svc.draw import FORMAT, MOST_WEIGHT
from schedule_svc.store import draws as store
from schedule_svc.usecases import forecasts, receipts

blp = Routes("draws", __name__, url_prefix="/api/v1", description="Draws that anyone can check, and chances")

_HEX = validate.Regexp(r"[0-9a-f]{64}\Z")
_POLICIES = validate.OneOf(["lottery", "weighted"])


class DrawSegment(Schema):
    id = fields.String(required=True)
    starts_at = fields.AwareDateTime(required=True)
    numbers = fields.Integer(required=True)


class DrawSession(Schema):
    id = fields.String(required=True)
    hospital_id = fields.String(required=True)
    department_id = fields.String(required=True)
    doctor_id = fields.String(required=True)
    date = fields.Date(required=True)
    period = fields.String(required=True)
    starts_at = fields.AwareDateTime(required=True)


class Draw(Schema):
    """Before the draw `state` is `open`; after it stands the whole record, as docs/draws.md specifies it, without `state`."""

    format = fields.String(required=True, validate=validate.OneOf([FORMAT]))
    state = fields.String(validate=validate.OneOf(["open"]))
    session_id = fields.String(metadata={"description": "before the draw"})
    policy = fields.String(required=True, validate=_POLICIES)
    commitment = fields.String(required=True, validate=_HEX, metadata={"description": "SHA-256 of the seed"})
    opens_at = fields.AwareDateTime(required=True)
    closes_at = fields.AwareDateTime(required=True)
    entrants = fields.Integer(required=True, metadata={"description": "before the draw: so far"})
    session = fields.Nested(DrawSession)
    drawn_at = fields.AwareDateTime()
    seed = fields.String(validate=_HEX)
    segments = fields.List(fields.Nested(DrawSegment))
    numbers = fields.Integer()
    entries = fields.List(fields.List(fields.Raw()), metadata={"description": "[seq, pseudonym, weight] each"})
    root = fields.String(validate=_HEX)
    ranking = fields.List(fields.Integer(), metadata={"description": "every seq in the order of the draw"})
    winners = fields.Integer()
    digest = fields.String(validate=_HEX)


class ReceiptQuery(Schema):
    order_id = Idents.id(required=True)


class WeightPart(Schema):
    name = fields.String(required=True)
    points = fields.Integer(required=True)


class Receipt(Schema):
    """As docs/draws.md specifies it; what follows `commitment` is there once it is drawn."""

    format = fields.String(required=True)
    state = fields.String(validate=validate.OneOf(["open"]))
    session_id = fields.String(required=True)
    seq = fields.Integer(required=True)
    pseudonym = fields.String(required=True)
    weight = fields.Integer(required=True)
    parts = fields.List(fields.Nested(WeightPart), required=True)
    commitment = fields.String(required=True, validate=_HEX)
    index = fields.Integer()
    entrants = fields.Integer()
    path = fields.List(fields.String(validate=_HEX))
    root = fields.String(validate=_HEX)
    digest = fields.String(validate=_HEX)
    rank = fields.Integer()
    won = fields.Boolean()


class ChanceQuery(Schema):
    """Of one with this weight, or at this place in the line, or of one's own order, or of a family in a lottery."""

    weight = fields.Integer(validate=validate.Range(1, MOST_WEIGHT))
    position = fields.Integer(validate=validate.Range(1, 100_000))
    together = fields.Integer(
        load_default=1,
        validate=validate.Range(1, 10),
        metadata={"description": "so many enter a lottery; one is enough"},
    )
    order_id = Idents.id(metadata={"description": "one's own; needs a token"})

    @validates_schema
    def _one_question(self, data: dict[str, Any], **_: Any) -> None:
        if "order_id" in data:
            for name in ("weight", "position", "together"):
                if name in data and data[name] != self.fields[name].load_default:
                    raise ValidationError({name: ["an order has its own"]})


class Assumption(Schema):
    code = fields.String(required=True)
    zh = fields.String(required=True, data_key="zh-CN")
    en = fields.String(required=True)


class TrackRecord(Schema):
    forecasts = fields.Integer(
        required=True, metadata={"description": "of this hospital and kind, whose outcome is known"}
    )
    brier = fields.Float(
        required=True, allow_none=True, metadata={"description": "mean squared error: 0 is perfect, 0.25 is a coin's"}
    )


class Chance(Schema):
    kind = fields.String(required=True, validate=validate.OneOf(["first_come", "lottery", "weighted", "waitlist"]))
    probability = fields.Float(required=True, allow_none=True, metadata={"description": "null: nobody can say"})
    method = fields.String(
        required=True,
        validate=validate.OneOf(["exact", "integral", "bracketed", "model", "decided", "unknown"]),
        metadata={"description": "bracketed: with a bound that matters; model: of what people will do"},
    )
    error = fields.Float(
        required=True, allow_none=True, metadata={"description": "bound of the calculation's error; null for a model"}
    )
    numbers = fields.Integer(required=True, allow_none=True)
    entrants = fields.Integer(required=True, allow_none=True, metadata={"description": "the one asked for included"})
    weight = fields.Integer(required=True, allow_none=True)
    position = fields.Integer(required=True, allow_none=True)
    assumptions = fields.List(fields.Nested(Assumption), required=True)
    track_record = fields.Nested(TrackRecord, required=True)


_ASSUMPTIONS = {
    "drawn_now": (
        "按现在的报名人数计算，截止前还会有人加入或退出。",
        "As if it were drawn now, of those who have entered so far.",
    ),
    "usual_weight": (
        "按初诊、无失约记录者的权重计算；复诊或转诊的权重可能更高。",
        "For the weight of one who comes for the first time and has missed no visit; a follow-up or a referral may weigh more.",
    ),
    "being_drawn": ("正在抽签，结果即将通知。", "It is being drawn; you will be told in a moment."),
    "not_open": ("报名尚未开始。", "Nobody can enter yet."),
    "not_released": ("尚未放号，先到先得。", "Nothing is released yet; then who comes first is served first."),
    "at_once": ("现在有号，先到先得。", "There are numbers now, for who comes first."),
    "freed_go_to_the_line": (
        "退回的号依次给候补的人，前面的人都会要号。",
        "Freed numbers go to the line in order, and nobody before you declines.",
    ),
    "hospital_past": (
        "按本院近四周的退号情况估计。",
        "From how often numbers of this hospital were given back in the last four weeks.",
    ),
    "little_known": (
        "本院的数据还不多，按每十个号退回一个估计。",
        "Little is known of this hospital yet: mostly the assumption that one number in ten is given back.",
    ),
}


@blp.get("/sessions/<session_id>/draw")
@public
@blp.response(200, Draw)
def draw(session_id: str) -> Response:
    """The public record of a session's draw; before it, the commitment. 404 `no_draw`: it is first come, first served.

    The record never changes: its `ETag` is its digest.
    """
    with service().database.reading() as conn:
        shown = store.shown(conn, session_id)
        if shown is None:
            raise NotFound("this session has no draw", code="no_draw")
        if shown.digest is not None:
            return _record(store.packed_record(conn, session_id) or b"", shown.digest)
    body = {
        "format": FORMAT,
        "state": "open",
        "session_id": shown.session_id,
        "policy": shown.policy,
        "commitment": shown.commitment,
        "opens_at": local(shown.opens_at),
        "closes_at": local(shown.closes_at),
        "entrants": shown.entered,
    }
    return answer(body, 200, Cache_Control="public, max-age=1")


def _record(packed: bytes, digest: str) -> Response:
    """The stored bytes, as they are to who takes gzip; nothing to who has them."""
    takes_gzip = request.accept_encodings.quality("gzip") > 0
    response = Response(packed if takes_gzip else gzip.decompress(packed), 200, content_type="application/json")
    if takes_gzip:
        response.headers["Content-Encoding"] = "gzip"
    response.headers["Vary"] = "Accept-Encoding"
    response.headers["Cache-Control"] = "public, max-age=3600"
    response.set_etag(digest, weak=True)  # weak: the same record, packed or not
    response.make_conditional(request)
    return response


@blp.get("/sessions/<session_id>/draw/receipt")
@roles("patient")
@blp.arguments(ReceiptQuery, location="query")
@blp.response(200, Receipt)
def receipt(query: dict[str, Any], session_id: str) -> dict[str, Any]:
    """The proof that one's own order takes part in the draw: its weight with each part of it and, once it is drawn, its path to
    the root. 404 `no_entry`: it takes no part, is not decided on yet, or is somebody else's.
    """
    if not ids.genuine(query["order_id"], "ord", principal().account_id):
        raise NotFound("the order takes no part in a draw of this session", code="no_entry")
    return receipts.receipt(service().database, session_id, query["order_id"])


@blp.get("/sessions/<session_id>/chance")
@public
@blp.arguments(ChanceQuery, location="query")
@blp.response(200, Chance)
def chance(query: dict[str, Any], session_id: str) -> Response:
    """The probability of getting a number, as of now: before one asks for it, or, with a token and `order_id`, of one's own order.

    404 `order_not_found`: it is not decided on yet, or is somebody else's. 409 `not_a_lottery`: `together` is for lotteries.
    """
    order_id = query.get("order_id")
    if order_id is not None and not ids.genuine(order_id, "ord", signed_in().account_id):
        raise NotFound("there is no such order", code="order_not_found")
    told = forecasts.tell(service().database, session_id, forecasts.Asked(**query))
    return answer(_show(told), 200, Cache_Control="no-store" if order_id else "public, max-age=1")


def _show(told: forecasts.Told) -> dict[str, Any]:
    return {
        "kind": told.kind,
        "probability": told.probability,
        "method": told.method,
        "error": told.error,
        "numbers": told.numbers,
        "entrants": told.entrants,
        "weight": told.weight,
        "position": told.position,
        "assumptions": [
            {"code": code, "zh-CN": _ASSUMPTIONS[code][0], "en": _ASSUMPTIONS[code][1]} for code in told.assumes
        ],
        "track_record": {"forecasts": told.forecasts, "brier": told.brier},
    }
