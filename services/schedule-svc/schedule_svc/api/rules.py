"""A hospital's rules: shown to everybody, in data and in words, from the record that is enforced; published by staff."""

from typing import Any

import msgspec
from common.clock import local
from common.web import Routes, Schema, answer, idempotent, principal, public, roles, service
from flask import Response
from marshmallow import fields

from schedule_svc.rules import RuleSet
from schedule_svc.rules.words import in_words
from schedule_svc.store.rules import Version
from schedule_svc.usecases import rules as usecases

blp = Routes("rules", __name__, url_prefix="/api/v1", description="Hospitals' rules: limits, deadlines, penalties")


class Sentence(Schema):
    rule = fields.String(required=True, metadata={"description": "a refusal begins with it", "example": "limits[0]"})
    zh = fields.String(required=True, data_key="zh-CN")
    en = fields.String(required=True)


class VersionOut(Schema):
    version = fields.Integer(required=True, metadata={"description": "0: the platform's own rules"})
    effective_from = fields.AwareDateTime(required=True, allow_none=True)
    rules = fields.Dict(required=True, metadata={"description": "docs/rules.md"})
    words = fields.List(fields.Nested(Sentence), required=True)


class RulesOut(VersionOut):
    hospital_id = fields.String(required=True)
    upcoming = fields.List(fields.Nested(VersionOut), required=True, metadata={"description": "in force later"})


class RulesIn(Schema):
    """What `rules` leaves out is as the platform has it; docs/rules.md says how."""

    effective_from = fields.AwareDateTime(load_default=None, format="iso", metadata={"description": "default: now"})
    rules = fields.Raw(
        required=True,
        metadata={
            "type": "object",
            "example": {
                "limits": [{"most": 1, "of": "doctor", "per": "day"}, {"most": 14, "of": "hospital", "per": "week"}],
                "cancel": {"workdays": 1, "at": "14:00"},
                "hold_minutes": 30,
            },
        },
    )


def _show(version: Version | None) -> dict[str, Any]:
    rules = version.rules if version else RuleSet()
    return {
        "version": version.version if version else 0,
        "effective_from": local(version.effective_from) if version else None,
        "rules": msgspec.to_builtins(rules),
        "words": [{"rule": s.rule, "zh-CN": s.zh, "en": s.en} for s in in_words(rules)],
    }


@blp.get("/hospitals/<hospital_id>/rules")
@public
@blp.response(200, RulesOut)
def show_rules(hospital_id: str) -> Response:
    """The rules in force at a hospital, as data and in words, and the versions that come into force later.

    404 `hospital_not_found`.
    """
    found = usecases.published(service().database, hospital_id)
    shown = {
        "hospital_id": hospital_id,
        **_show(found.in_force),
        "upcoming": [_show(version) for version in found.upcoming],
    }
    return answer(shown, 200, Cache_Control="public, max-age=1")


@blp.post("/hospitals/<hospital_id>/rules")
@roles("registrar", "hospital_admin", "operator")
@idempotent
@blp.arguments(RulesIn)
@blp.response(201, VersionOut)
def publish_rules(body: dict[str, Any], hospital_id: str) -> Response:
    """Publish the next version of a hospital's rules. A version never changes; one for the same moment takes its place.

    404 `hospital_not_found`, 422 names each bad field by its path, as `rules.limits[0].most`.
    """
    caller = principal()
    with service().database.transaction() as tx:
        version = usecases.publish(
            tx, hospital_id, body["rules"], body["effective_from"], caller.account_id, caller.require_hospital
        )
    return answer(_show(version), 201, Location=f"/api/v1/hospitals/{hospital_id}/rules")
