"""The thin HTTP chassis: Flask, flask-smorest for the OpenAPI documents, marshmallow at the edge."""

from common.web.access import Principal, principal, public, roles, sign_token, signed_in
from common.web.app import Routes, answer, create_app, service
from common.web.idempotency import idempotent, repeatable
from common.web.paging import Paged, page_of
from common.web.schemas import Idents, MoneySchema, PlainText, Schema, money

__all__ = [
    "Idents",
    "MoneySchema",
    "Paged",
    "PlainText",
    "Principal",
    "Routes",
    "Schema",
    "answer",
    "create_app",
    "idempotent",
    "money",
    "page_of",
    "principal",
    "public",
    "repeatable",
    "roles",
    "service",
    "sign_token",
    "signed_in",
]
